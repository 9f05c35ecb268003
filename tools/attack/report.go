//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/e0ac7cd4/hotpath/tools/attack/catalog"
	"github.com/e0ac7cd4/hotpath/tools/section"
)

// defaultOut is the document, seen from the repository's root.
const defaultOut = "docs/security.md"

// list prints what the attacks are.
func list(out io.Writer, attacks []catalog.Attack) error {
	for _, a := range attacks {
		origin := ""
		if a.NeedsOrigin {
			origin = "\n    needs an origin behind the server"
		}
		if _, err := fmt.Fprintf(out, "%s (%s)\n    %s.\n    Passes: %s.%s\n", a.Name, a.Reference, a.Does, a.Passes, origin); err != nil {
			return err
		}
	}
	return nil
}

// board is the scoreboard of a server.
type board struct {
	form    form
	server  string
	version string
	cores   int
	rows    []row
}

func (b *board) failed() (n int) {
	for _, r := range b.rows {
		if !r.passes() {
			n++
		}
	}
	return n
}

// cells are a row's, in the order of columns.
func (r *row) cells() []string {
	if r.tally == nil {
		return make([]string, len(columns))
	}
	var did []string
	for _, what := range r.tally.Said() {
		did = append(did, fmt.Sprintf("%s %s", grouped(r.tally.Ends[what]), what))
	}
	frames, after := r.tally.Median()
	memory, cores, goroutines := "–", "–", "–" // of a server whose process is unknown
	if r.before.Memory > 0 {
		memory = fmt.Sprintf("%d / %d / %d", r.before.Memory>>20, r.during.Memory>>20, r.after.Memory>>20)
		cores = fmt.Sprintf("%.2f / %.2f", r.aloneCPU, r.besideCPU)
	}
	if r.before.Goroutines > 0 {
		goroutines = fmt.Sprintf("%d / %d / %d", r.before.Goroutines, r.during.Goroutines, r.after.Goroutines)
	}
	verdict := "pass"
	if !r.passes() {
		verdict = "FAIL: " + strings.Join(r.faults, "; ")
	}
	return []string{
		r.attack.Name, grouped(r.clients), strings.Join(did, ", "), grouped(frames), milliseconds(after),
		memory, goroutines, cores,
		fmt.Sprintf("%s / %s (%s)", milliseconds(r.alone.Usual), milliseconds(r.beside.Usual), milliseconds(r.beside.P99)), grouped(r.beside.Errors), verdict,
	}
}

var columns = []string{
	"attack", "clients", "what came of their tries", "frames", "ms", "memory, MiB", "goroutines", "cores", "p99, ms", "errors", "",
}

// line is a row as it is printed when it has ended.
func (r *row) line() string {
	c := r.cells()
	return fmt.Sprintf("%-30s %s; %s frames, %s ms; memory %s MiB; goroutines %s; cores %s; p99 %s ms; errors %s; %s", c[0], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10])
}

// text is the board for a terminal.
func (b *board) text() string {
	var s strings.Builder
	w := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(columns, "\t"))
	for _, r := range b.rows {
		fmt.Fprintln(w, strings.Join(r.cells(), "\t"))
	}
	_ = w.Flush() // into memory
	fmt.Fprintf(&s, "\n%s, %s: %d attacks, %d failed\n", b.server, b.version, len(b.rows), b.failed())
	return s.String()
}

// markdown is the board for the document, in which before stands: of a run of some
// attacks alone, the rows of the others stay.
func (b *board) markdown(before string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s, with %d cores. Each attack took a minute, or as long as its row says, beside a good client with %s requests/s over HTTP/2. ",
		b.server, b.cores, grouped(b.form.rate))
	fmt.Fprintf(&s, "Frames and ms are until the server's end, in the middle of all tries that it ended. Memory and goroutines are before, at most meanwhile, and after; processor time in cores and p99 of the good client without and beside the attack, what it is within in three of four seconds (of all requests).\n\n")
	fmt.Fprintf(&s, "| %s | measured |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)+1))
	lines := rowsOf(before)
	version, _, _ := strings.Cut(b.version, ",") // without Go's
	for _, r := range b.rows {
		lines[r.attack.Name] = fmt.Sprintf("| %s | %s, %v, %s |\n", strings.ReplaceAll(strings.Join(r.cells(), " | "), "\n", " "),
			time.Now().Format("2 January 2006"), r.length.Round(time.Second), version)
	}
	for _, a := range catalog.All() {
		s.WriteString(lines[a.Name])
	}
	return s.String()
}

// rowsOf are the lines of a table of such a document, by attack.
func rowsOf(table string) map[string]string {
	lines := make(map[string]string)
	for line := range strings.Lines(table) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | "); ok {
			lines[name] = line
		}
	}
	return lines
}

// command is what the document's section is of.
func (o options) command() string {
	if o.with != "" {
		return "go run ./tools/attack -with " + o.with
	}
	return "go run ./tools/attack"
}

// write puts the board into its command's section of the document: the one that is
// asked for, or the project's own if the run was whole.
func (b *board) write(o options) error {
	name := o.out
	if name == "" {
		if o.short || o.only != "" || o.against != "" || o.length != 0 || o.rate != 0 || o.server != "" {
			return nil
		}
		name = defaultOut
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before := ""
	if o.only != "" {
		before = section.Text(string(text), o.command())
	}
	replaced, err := section.Replace(string(text), b.markdown(before), o.command())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, []byte(replaced), 0o644)
}

func milliseconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond))
	}
	return grouped(int(d.Milliseconds()))
}

// grouped writes a number with its thousands apart.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
