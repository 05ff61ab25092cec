#!/usr/bin/env bash
# Makes the Python environment of training/ outside the checkout, once for each lock file; reused when it is there.
# PyTorch's wheel for Linux brings CUDA's libraries: about 2.5 GB to fetch, 6 GB on disk, two to three minutes.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
folder="${XDG_CACHE_HOME:-$HOME/.cache}/longleaf/training"
stamp="$(sha256sum "$here/requirements.lock" | cut -d' ' -f1)"
[[ "$(cat "$folder/lock" 2>/dev/null || true)" == "$stamp" ]] && exit 0
echo "Installing PyTorch into $folder …"
python3 -m venv --clear "$folder"
"$folder/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check -r "$here/requirements.lock"
echo "$stamp" >"$folder/lock"
