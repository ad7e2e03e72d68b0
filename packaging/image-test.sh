#!/usr/bin/env bash
# Builds the image with buildah, without a Docker daemon and without a registry, checks its configuration and
# runs spec, check, discover, read and a Singer sync in it: by its entrypoint and as Airbyte starts it, on a
# read-only root as user 1000. Run it with make image-test, as root.
#
# The images that the Dockerfile begins with are made here, of this machine's Go and Debian's busybox. To use
# the real ones, where a registry can be reached: make image-test BASES=registry
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. packaging/lib.sh

[ "$(id -u)" = 0 ] || die "run it as root: it mounts the image's files"
need buildah buildah
need openssl openssl
need go golang

# Everything that buildah keeps is in the temporary folder.
b() { buildah --storage-driver vfs --root "$TMP/storage" --runroot "$TMP/run" "$@"; }

container=
cleanup() {
  stop_background
  [ -z "$container" ] || b umount "$container" >/dev/null 2>&1 || true
  rm -rf "$TMP"
}
trap cleanup EXIT

# local_image NAME FOLDER [CONFIG ...]: an image of a folder's files.
local_image() {
  local name=$1 folder=$2 c
  shift 2
  c=$(b from scratch)
  b copy --quiet "$c" "$folder" / >/dev/null
  b config "$@" "$c"
  b commit --quiet --rm "$c" "$name" >/dev/null
  rm -rf "$folder"
}

# busybox_in FOLDER: a shell and the small tools, statically linked.
busybox_in() {
  mkdir -p "$1/bin" "$1/tmp" "$1/etc"
  chmod 1777 "$1/tmp"
  cp "$(command -v busybox)" "$1/bin/busybox"
  local tool
  for tool in $("$1/bin/busybox" --list); do
    [ "$tool" = busybox ] || ln -s busybox "$1/bin/$tool"
  done
}

# make_certificates: an authority of our own and a certificate for 127.0.0.1. The tap trusts it only if the
# image has the certificates of the image that it was built in.
make_certificates() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=image-test authority" \
    -keyout "$TMP/ca.key" -out "$TMP/ca.pem" 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj /CN=image-test -keyout "$TMP/tls.key" -out "$TMP/tls.csr" 2>/dev/null
  printf 'subjectAltName=IP:127.0.0.1\n' >"$TMP/tls.ext"
  openssl x509 -req -in "$TMP/tls.csr" -CA "$TMP/ca.pem" -CAkey "$TMP/ca.key" -CAcreateserial -days 2 \
    -extfile "$TMP/tls.ext" -out "$TMP/tls.pem" 2>/dev/null
}

build_args=()
make_bases() {
  need busybox busybox-static
  say "making the base images of this machine's Go and busybox"
  make_certificates
  local goroot
  goroot=$(go env GOROOT)
  busybox_in "$TMP/go-image"
  mkdir -p "$TMP/go-image/usr/local/go" "$TMP/go-image/etc/ssl/certs"
  # What compiles programs; not Go's own tests and tools.
  tar -C "$goroot" --exclude=testdata --exclude='*_test.go' --exclude=src/cmd \
    -cf - bin go.env VERSION src pkg/include pkg/tool | tar -C "$TMP/go-image/usr/local/go" -xf -
  cat /etc/ssl/certs/ca-certificates.crt "$TMP/ca.pem" >"$TMP/go-image/etc/ssl/certs/ca-certificates.crt"
  cp /etc/resolv.conf "$TMP/go-image/etc/" 2>/dev/null || true
  local_image local/go "$TMP/go-image" --env PATH=/usr/local/go/bin:/bin --env GOTOOLCHAIN=local
  busybox_in "$TMP/base-image"
  local_image local/base "$TMP/base-image" --env PATH=/bin
  # The module and build caches of this machine's Go serve the same Go in the image.
  build_args+=(--build-arg GO_IMAGE=localhost/local/go --build-arg BASE_IMAGE=localhost/local/base --pull-never
    --volume "$(go env GOMODCACHE):/root/go/pkg/mod" --volume "$(go env GOCACHE):/root/.cache/go-build")
}

build_image() {
  say "building the image"
  b bud --isolation chroot --layers=false --build-arg VERSION="$version" --build-arg RELEASE="$release" \
    --build-arg COMMIT="$commit" --build-arg GOPROXY="$(go env GOPROXY)" \
    ${build_args[@]+"${build_args[@]}"} "$@" --tag "$image" "$context" >"$TMP/build.log" 2>&1 ||
    die "building failed: $(tail -n 20 "$TMP/build.log")"
  ok "the Dockerfile builds ($(tail -n 1 "$TMP/build.log" | cut -c1-12))"
}

# config EXPRESSION: a part of the image's configuration c, by an expression of Python.
config() {
  "$PYTHON" -c 'import json, sys; c = json.load(sys.stdin)["OCIv1"]["config"]; print(eval(sys.argv[1]))' "$1" <"$TMP/image.json"
}

label() { config "c['Labels']['$1']"; }

check_config() {
  say "its configuration"
  b inspect --type image "$image" >"$TMP/image.json"
  local entrypoint=/usr/local/bin/tap-confluence
  is "the entrypoint" "$(config 'c["Entrypoint"]')" "['$entrypoint']"
  is "AIRBYTE_ENTRYPOINT" "$(config '[v for v in c["Env"] if v.startswith("AIRBYTE")]')" "['AIRBYTE_ENTRYPOINT=$entrypoint']"
  is "the command" "$(config 'c.get("Cmd")')" None
  is "the user" "$(config 'c["User"]')" 1000:1000
  is "the volumes" "$(config 'c.get("Volumes")')" None
  is "io.airbyte.name" "$(label io.airbyte.name)" "$(sed -n 's/^ *dockerRepository: *//p' metadata.yaml)"
  is "io.airbyte.version" "$(label io.airbyte.version)" "$release"
  is "org.opencontainers.image.version" "$(label org.opencontainers.image.version)" "$version"
  is "org.opencontainers.image.revision" "$(label org.opencontainers.image.revision)" "$commit"
}

# mount_image sets root to a folder that holds the image's files.
mount_image() {
  container=$(b from --pull-never "$image")
  root=$(b mount "$container")
  mkdir -p "$root/source" "$root/dev"
  touch "$root/dev/null"
}

# inside COMMAND ...: runs a command in the image with its environment, as its user, without capabilities, its
# root file system read-only, the test's files in /source and that as the working directory.
inside() {
  local vars=()
  mapfile -t vars < <(config '"\n".join(c["Env"])')
  # shellcheck disable=SC2016 # the inner shell expands these
  unshare --mount --propagation private sh -euc '
    root=$1 source=$2 user=$3; shift 3
    mount --bind "$root" "$root"
    mount -o remount,bind,ro "$root"
    mount --bind /dev/null "$root/dev/null"
    mount --bind "$source" "$root/source"
    mount -o remount,bind,ro "$root/source"
    exec setpriv --no-new-privs -- chroot --userspec="$user" "$root" /bin/env -i "$@"
  ' inside "$root" "$TMP/source" "$(config 'c["User"]')" "${vars[@]}" sh -c 'cd /source && exec "$@"' sh "$@"
}

# airbyte VERB ...: what Airbyte runs in place of the entrypoint.
airbyte() {
  # shellcheck disable=SC2016 # the shell in the image expands these
  inside sh -c 'eval "$AIRBYTE_ENTRYPOINT $*"' sh "$@"
}

# catalog_of FILE: turns discover's answer into the catalog of a full read of everything.
catalog_of() {
  "$PYTHON" - "$1" <<'PY'
import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    message = json.loads(line)
    if message["type"] == "CATALOG":
        print(json.dumps({"streams": [
            {"stream": s, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
            for s in message["catalog"]["streams"]]}))
PY
}

has() { grep -q "$2" "$1" || die "no $2 in: $(head -c 600 "$1")"; }

run_inside() {
  say "the program in it"
  mkdir -p "$TMP/source"
  cp "$TMP/config.json" "$TMP/source/config.json"
  config_for "$site" "$TMP/source/wrong.json" not-the-token
  chmod -R a+rX "$TMP/source" && chmod a+rx "$TMP"

  is "its user" "$(inside id -u):$(inside id -g)" 1000:1000
  if inside sh -c 'echo x >/tmp/x' 2>/dev/null; then die "the root file system of this test is not read-only"; fi
  ok "its root file system is read-only here"
  for tool in sh touch sleep kill mv echo cat; do
    inside sh -c "command -v $tool >/dev/null" || die "the image has no $tool, which Airbyte's start needs"
  done
  ok "it has the tools that Airbyte's start needs"
  is "--version" "$(inside /usr/local/bin/tap-confluence --version)" "tap-confluence v$version"

  packaging/build.sh "$TMP/programs" "linux_$(go env GOARCH)" >/dev/null
  cmp "$TMP/programs/linux_$(go env GOARCH)/tap-confluence" "$root/usr/local/bin/tap-confluence" || die "the image has another program"
  ok "the program has the bytes of packaging/build.sh"

  airbyte spec >"$TMP/spec.jsonl"
  has "$TMP/spec.jsonl" '"type":"SPEC"' && ok "spec"
  airbyte check --config config.json >"$TMP/check.jsonl"
  has "$TMP/check.jsonl" '"status":"SUCCEEDED"' && ok "check of a good token says SUCCEEDED"
  airbyte check --config wrong.json >"$TMP/check.jsonl"
  has "$TMP/check.jsonl" '"status":"FAILED"' && ok "check of a wrong token says FAILED"
  airbyte discover --config config.json >"$TMP/discover.jsonl"
  catalog_of "$TMP/discover.jsonl" >"$TMP/source/catalog.json"
  has "$TMP/source/catalog.json" '"page_labels"' && ok "discover"
  airbyte read --config config.json --catalog catalog.json >"$TMP/read.jsonl"
  same_rows "$TMP/read.jsonl"
  inside /usr/local/bin/tap-confluence --config config.json >"$TMP/singer.jsonl" 2>"$TMP/singer.log" ||
    die "the Singer sync failed: $(tail -n 3 "$TMP/singer.log")"
  same_rows "$TMP/singer.jsonl"
}

# check_tls asks the site by https with a certificate whose authority only the image it was built in knows.
check_tls() {
  in_background "$TMP/tls" "$PYTHON" packaging/tls_proxy.py "$TMP/tls.pem" "$TMP/tls.key" "${site#http://}"
  config_for "$address" "$TMP/source/tls.json"
  chmod a+r "$TMP/source/tls.json"
  airbyte check --config tls.json >"$TMP/check.jsonl"
  has "$TMP/check.jsonl" '"status":"SUCCEEDED"' && ok "https with an authority of the image's CA certificates"
  # The same without them, so that the check above cannot pass by chance.
  inside env SSL_CERT_FILE=/dev/null SSL_CERT_DIR=/none /usr/local/bin/tap-confluence check --config tls.json >"$TMP/check.jsonl"
  has "$TMP/check.jsonl" '"status":"FAILED"' && ok "and refused without them"
}

version=$(packaging/version)
release=$(packaging/version --release)
commit=$(git rev-parse HEAD)
image=localhost/tap-confluence:test
context=.
[ "${BASES:-local}" = registry ] || make_bases
build_image
check_config
mount_image
say "a simulated Confluence to read"
start_site
run_inside
[ "${BASES:-local}" = registry ] || check_tls

# A release hands the Dockerfile programs that are built already.
say "the image of a release, from a program that is built already"
mkdir -p "$TMP/context/linux/amd64"
cp "$root/usr/local/bin/tap-confluence" "$TMP/context/linux/amd64/"
b umount "$container" >/dev/null
container=
cp Dockerfile .dockerignore "$TMP/context/"
context=$TMP/context
build_image --target prebuilt
check_config

printf '\n%d passed, 0 failed\n' "$checks"
