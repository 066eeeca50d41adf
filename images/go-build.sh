# Builds a Go package (a folder) or a single file, from its own folder, so that its go.mod is found.
out=/home/vulcan/.vulcan/main
case $1 in
*.go)
  file=${1##*/}
  # A name that begins with a dash is refused by Go in words of its own, where it is not taken for an option.
  exec go build -C "./${1%"$file"}" -o "$out" "./$file"
  ;;
*) exec go build -C "./$1" -o "$out" . ;;
esac
