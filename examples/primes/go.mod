module primes

go 1.24
