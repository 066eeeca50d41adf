module vulcan/native

go 1.24
