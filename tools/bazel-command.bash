# Sets the array bazel to the command that runs Bazel: BAZEL if it is set, else
# bazel or bazelisk from the PATH, else ../shared/tools/bazel-offline, for machines
# that reach no registry. If there is none, bazel is empty and no_bazel says
# what is missing.
bazel=()
no_bazel=
if [[ -n ${BAZEL-} ]]; then
	read -ra bazel <<<"$BAZEL"
elif command -v bazel >/dev/null; then
	bazel=(bazel)
elif command -v bazelisk >/dev/null; then
	bazel=(bazelisk)
elif [[ ! -x ../shared/tools/bazel-offline ]]; then
	no_bazel="neither bazel nor bazelisk is on the PATH: install bazelisk, or name a command by BAZEL"
elif ((EUID != 0)); then
	no_bazel="../shared/tools/bazel-offline needs root; install bazelisk, which does not"
else
	bazel=(../shared/tools/bazel-offline bazel)
fi
