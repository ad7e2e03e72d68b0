#!/usr/bin/env bash
# Installs the Debian packages that make acceptance and make image-test want and this machine lacks. Run it with
# make packages, as root.
set -euo pipefail

missing=()
lacks() { missing+=("$@"); }
command -v buildah >/dev/null || lacks buildah
command -v busybox >/dev/null || lacks busybox-static
command -v openssl >/dev/null || lacks openssl
[ -e /etc/ssl/certs/ca-certificates.crt ] || lacks ca-certificates
command -v git >/dev/null || lacks git
command -v jq >/dev/null || lacks jq
command -v curl >/dev/null || lacks curl
"${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null || lacks python3 python3-venv
command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || lacks postgresql
PATH=$PATH:/usr/sbin command -v mariadbd >/dev/null || lacks mariadb-server-core
[ ${#missing[@]} -gt 0 ] || exit 0

die() {
  printf 'packages.sh: %s; wanted are: %s\n' "$1" "${missing[*]}" >&2
  exit 1
}
command -v apt-get >/dev/null || die "there is no apt-get here"
[ "$(id -u)" = 0 ] || die "only root can install packages"
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o Acquire::Retries=3 update || die "apt-get update failed"
apt-get -qq -o Acquire::Retries=3 install --yes --no-install-recommends "${missing[@]}" >/dev/null || die "apt-get install failed"
