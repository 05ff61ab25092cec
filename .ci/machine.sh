#!/usr/bin/env bash
# What the tests need of the machine beside a compiler and pip: a browser, a screen for the old Electron, a second
# opinion on PDF text, software graphics adapters. Installed where that is possible (Debian, as root); elsewhere the tests say what is missing.
set -euo pipefail
needed=(chromium xvfb xauth poppler-utils libgtk-3-0 libnss3 libasound2 libgbm1 libxss1 libxtst6 libnotify4
  libsecret-1-0 libdrm2 fonts-dejavu-core)
# PyTorch for the tests of training/. A machine without room or network for it skips them, with that reason.
if command -v python3 >/dev/null; then training/install.sh || echo "PyTorch could not be installed" >&2; fi
command -v apt-get >/dev/null && [[ $(id -u) == 0 ]] || exit 0
missing=()
for package in "${needed[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
export DEBIAN_FRONTEND=noninteractive
if [[ ${#missing[@]} != 0 ]]; then
  echo "Installing ${missing[*]} …"
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
# The graphics adapters that compute on the processor. Under CI the tests say so if one is not there.
adapters=$(dirname "${LONGLEAF_TEST_DATA:-../shared/data}")/tools/software-vulkan.sh
if [[ -f $adapters ]]; then
  for adapter in lavapipe swiftshader; do bash "$adapters" "$adapter" >/dev/null || true; done
fi
