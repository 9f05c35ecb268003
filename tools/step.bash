# step NAME COMMAND... runs a command: its name first, then its output as it comes,
# then how it went and how long it took. If it failed, its name is added to the
# array failed, and step fails too. When the script that sources this ends, by a
# signal too, all steps are listed with their times, then the failed ones.
if ((BASH_VERSINFO[0] < 5)); then
	echo "$0: this is bash $BASH_VERSION; it needs 5, which macOS does not have: install bash" >&2
	exit 1
fi
failed=()
verdicts=() # a line for each step that has ended
running=()  # the step that has not: its name, and when it began

verdict() {
	local took=$(((${EPOCHREALTIME/[.,]/} - ${3/[.,]/}) / 100000))
	printf '%-4s %4d.%d s  %s\n' "$1" $((took / 10)) $((took % 10)) "$2"
}

summary() {
	((${#running[@]} == 0)) || verdicts+=("$(verdict stop "${running[@]}")")
	((${#verdicts[@]} == 0)) || { echo && printf '%s\n' "${verdicts[@]}"; }
	((${#failed[@]} == 0)) || printf 'failed: %s\n' "$(IFS=, && echo "${failed[*]}")" >&2
}
trap summary EXIT

step() {
	local name=$1 how=ok line
	shift
	running=("$name" "$EPOCHREALTIME")
	echo "=== $name"
	"$@" || how=FAIL
	line=$(verdict "$how" "${running[@]}")
	running=()
	verdicts+=("$line")
	echo "$line"
	if [[ $how == FAIL ]]; then
		failed+=("$name")
		return 1
	fi
}

# prints PATTERN COMMAND... runs a command, passes on its output, and fails if it
# does or if no line matches the pattern.
prints() {
	local pattern=$1 line found=1
	shift
	while IFS= read -r line; do
		printf '%s\n' "$line"
		# shellcheck disable=SC2053 # a pattern
		[[ $line != $pattern ]] || found=0
	done < <("$@" 2>&1)
	wait $! || return
	return $found
}
