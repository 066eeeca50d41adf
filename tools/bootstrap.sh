# Sourced by ./vulcan and tools/with-node with ROOT set: makes the pinned Node and the locked packages
# available, then puts them first on PATH. A second call finds the markers and costs a few milliseconds.

pinned="$ROOT/tools/node"
node_marker="$pinned/node_modules/.complete"
packages_marker="$ROOT/node_modules/.complete"

say() { printf 'vulcan: %s\n' "$*" >&2; }
fresh() { [ -f "$2" ] && cmp -s "$1" "$2"; }

# Installs a lockfile's packages once; the marker, a copy of the lockfile, is written last.
install_locked() { # folder, marker, what
  fresh "$1/package-lock.json" "$2" && return 0
  begun=$(date +%s)
  say "installing $3 ..."
  rm -f "$2"
  if ! npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error >&2; then
    say "installing $3 failed: npm ci in $1 (its words are above); nothing else was changed"
    exit 125
  fi
  cp "$1/package-lock.json" "$2"
  say "installing $3 ... done in $(($(date +%s) - begun)) s"
}

# Node 25 and newer need libatomic, which a bare Debian does not have.
ensure_node_runs() {
  if [ ! -f "$pinned/node_modules/.bin/node" ]; then
    rm -f "$node_marker"
    say "npm said that all is well but left no $pinned/node_modules/.bin/node; try again"
    exit 125
  fi
  "$pinned/node_modules/.bin/node" --version >/dev/null 2>&1 && return 0
  say "installing libatomic1, which the pinned Node needs ..."
  apt-get update -qq >&2 || :
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libatomic1 >&2 || :
  "$pinned/node_modules/.bin/node" --version >/dev/null && return 0
  say "the pinned Node does not run (its words are above); as root: apt-get install libatomic1"
  exit 125
}

if ! fresh "$pinned/package-lock.json" "$node_marker" || ! fresh "$ROOT/package-lock.json" "$packages_marker"; then
  if ! command -v npm >/dev/null 2>&1; then
    say "npm was not found; install Node 20 or newer with npm (Debian 13: apt-get install nodejs npm)"
    exit 125
  fi
  # One installer at a time; flock is part of every Debian.
  exec 9>"$ROOT/.bootstrap.lock"
  flock 9
  install_locked "$pinned" "$node_marker" "the pinned Node"
  ensure_node_runs
  PATH="$pinned/node_modules/.bin:$PATH" install_locked "$ROOT" "$packages_marker" "packages"
  exec 9>&-
fi

PATH="$pinned/node_modules/.bin:$ROOT/node_modules/.bin:$PATH"
export PATH
