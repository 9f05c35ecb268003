# step NAME COMMAND... runs a command and says in one line how it went and how
# long it took. Where it failed, its output follows, its name is added to the
# array failed, and step fails too.
if ((BASH_VERSINFO[0] < 5)); then
	echo "$0: this is bash $BASH_VERSION; it needs 5, which macOS does not have: install bash" >&2
	exit 1
fi
failed=()
output=$(mktemp)
trap 'rm -f "$output"' EXIT

step() {
	local name=$1 begin=$EPOCHREALTIME verdict=ok took
	shift
	"$@" >"$output" 2>&1 || verdict=FAIL
	took=$(((${EPOCHREALTIME/[.,]/} - ${begin/[.,]/}) / 100000))
	printf '%-4s %4d.%d s  %s\n' "$verdict" $((took / 10)) $((took % 10)) "$name"
	if [[ $verdict == FAIL ]]; then
		sed 's/^/     /' "$output"
		failed+=("$name")
		return 1
	fi
}
