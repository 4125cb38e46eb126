#!/usr/bin/env bash
# Debian packages that no wheel brings: installed where they are missing and this user may, named where he may not.
#   system-packages.sh run|test
set -euo pipefail
want=(libmagic1 libseccomp2)
if [ "${1:?run or test}" = test ]; then
  # Servers whose upload parsers ours is compared with; Node and a JDK may have come from elsewhere.
  command -v node >/dev/null && command -v npm >/dev/null || want+=(nodejs npm)
  command -v javac >/dev/null || want+=(default-jdk-headless)
  want+=(chromium prometheus openssl curl git fonts-wqy-zenhei p7zip-full zip lz4 lzip ncompress cpio genisoimage gcab binutils nftables iproute2 systemd php-cli libtomcat10-embed-java slapd)
fi
missing=()
for package in "${want[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "please install: ${missing[*]} (for example: sudo apt-get install ${missing[*]})" >&2
  exit 1
fi
echo "installing system packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Tests start a slapd of their own; the package's is left without a configuration, and so does not run.
command -v debconf-set-selections >/dev/null && echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get -qq -o DPkg::Lock::Timeout=300 update && \
       apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  exit 1
fi
