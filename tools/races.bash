# races PACKAGE... runs tests with the race detector, which makes all of it several
# times as slow: a test that has just passed without it can miss its deadlines then.
# Such tests run once more, without others beside them. A race that was found is a
# failure at once.
races() {
	local out names packages
	out=$(mktemp)
	go test -race -vet=off -timeout 25m "$@" 2>&1 | tee "$out"
	((PIPESTATUS[0] != 0)) || { rm -f "$out" && return; }
	names=$(sed -n 's/^--- FAIL: \([A-Za-z0-9_]*\).*/\1/p' "$out" | sort -u)
	mapfile -t packages < <(awk '$1 == "FAIL" && NF > 1 { print $2 }' "$out" | sort -u)
	if grep -qE 'DATA RACE|^panic: |\[(build|setup) failed\]' "$out" || [[ -z $names ]]; then
		rm -f "$out"
		return 1
	fi
	rm -f "$out"
	printf 'once more, alone: %s\n' "${names//$'\n'/, }"
	go test -race -vet=off -count=1 -p 1 -run "^(${names//$'\n'/|})\$" "${packages[@]}"
}
