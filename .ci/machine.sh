#!/usr/bin/env bash
# What the tests need of the machine beside a compiler and pip: a browser, a screen for the old Electron, a second
# opinion on PDF text. Installed where that is possible (Debian, as root); elsewhere the tests say what is missing.
set -euo pipefail
needed=(chromium xvfb xauth poppler-utils libgtk-3-0 libnss3 libasound2 libgbm1 libxss1 libxtst6 libnotify4
  libsecret-1-0 libdrm2 fonts-dejavu-core)
command -v apt-get >/dev/null && [[ $(id -u) == 0 ]] || exit 0
missing=()
for package in "${needed[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[[ ${#missing[@]} == 0 ]] && exit 0
echo "Installing ${missing[*]} …"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
