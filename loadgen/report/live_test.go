package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// liveScreen is a terminal of one line. What moves to another one, or is not
// understood, is in trouble.
type liveScreen struct {
	columns int
	cells   []rune
	cursor  int
	wraps   bool // DECAWM
	color   string
	colors  string // all that were set, in order
	trouble string
}

func newLiveScreen(columns int) *liveScreen {
	return &liveScreen{columns: columns, wraps: true, cells: []rune(strings.Repeat(" ", columns))}
}

func (s *liveScreen) Write(p []byte) (int, error) {
	for rest := string(p); rest != ""; {
		if text, ok := strings.CutPrefix(rest, "\x1b["); ok {
			end := strings.IndexFunc(text, func(r rune) bool { return r >= '@' })
			s.control(text[:end+1])
			rest = text[end+1:]
			continue
		}
		r, n := utf8.DecodeRuneInString(rest)
		rest = rest[n:]
		switch {
		case r == '\r':
			s.cursor = 0
		case r < ' ' || r == utf8.RuneError:
			s.trouble += fmt.Sprintf("%q ", r)
		case s.cursor == s.columns && s.wraps:
			s.trouble += "wrapped "
		default:
			s.cells[min(s.cursor, s.columns-1)] = r
			s.cursor = min(s.cursor+1, s.columns)
		}
	}
	return len(p), nil
}

func (s *liveScreen) control(sequence string) {
	switch sequence {
	case "K":
		for i := min(s.cursor, s.columns-1); i < s.columns; i++ {
			s.cells[i] = ' '
		}
	case "?7l", "?7h":
		s.wraps = sequence == "?7h"
	case "31m", "33m", "36m", "39m":
		s.color = sequence
		s.colors += sequence
	default:
		s.trouble += fmt.Sprintf("%q ", sequence)
	}
}

// text is what the line shows, without the blanks at its end.
func (s *liveScreen) text() string { return strings.TrimRight(string(s.cells), " ") }

// livePoint is a second of an attack of 150,000/s that goes well.
func livePoint(second int) measure.Point {
	return measure.Point{
		Begin: time.Duration(second-1) * time.Second, Length: time.Second,
		Asked: 150_000, Requests: 149_998, InFlight: 256,
		P50: 412 * time.Microsecond, P99: 1240 * time.Microsecond,
	}
}

func TestLiveTerminal(t *testing.T) {
	half := livePoint(15)
	failing := half
	failing.Failed, failing.Requests = 12_345, 20_000
	closed := half
	closed.Asked = 0
	long := half
	long.Begin = time.Hour + 4*time.Second

	thirty := LiveOptions{Duration: 30 * time.Second}
	tests := []struct {
		name  string
		width int
		o     LiveOptions
		p     measure.Point
		want  string
	}{
		{"wide", 140, thirty, half,
			"▕███████████████               ▏  15s/30s  150,000 → 149,998/s  p50 412µs  p99 1.24ms  errors 0  in flight 256"},
		{"100", 100, thirty, half,
			"▕█████████▌         ▏  15s/30s  150,000 → 149,998/s  p50 412µs  p99 1.24ms  errors 0  in flight 256"},
		{"80", 80, thirty, half,
			"▕███████       ▏  15s/30s  150,000 → 149,998/s  p50 412µs  p99 1.24ms  errors 0"},
		{"60", 60, thirty, half,
			"▕███████▌       ▏  15s/30s  149,998/s  p99 1.24ms  errors 0"},
		{"40", 40, thirty, half, "15s  149,998/s  p99 1.24ms  errors 0"},
		{"30", 30, thirty, half, "15s  149,998/s  errors 0"},
		{"20", 20, thirty, half, "149,998/s  errors 0"},
		{"19", 19, thirty, half, "149,998/s"},
		{"7", 7, thirty, half, "149,99"},
		{"1", 1, thirty, half, ""},
		{"no width", 0, thirty, half, "▕███████       ▏  15s/30s  150,000 → 149,998/s  p50 412µs  p99 1.24ms  errors 0"},
		{"errors, 80", 80, thirty, failing,
			"▕█████▌     ▏  15s/30s  150,000 → 7,655/s  p50 412µs  p99 1.24ms  errors 12,345"},
		{"errors, 40", 40, thirty, failing, "15s  7,655/s  p99 1.24ms  errors 12,345"},
		{"closed loop", 100, thirty, closed,
			"▕██████████████▌              ▏  15s/30s  149,998/s  p50 412µs  p99 1.24ms  errors 0  in flight 256"},
		{"no end", 100, LiveOptions{}, half,
			"15s  150,000 → 149,998/s  p50 412µs  p99 1.24ms  errors 0  in flight 256"},
		{"by requests", 100, LiveOptions{Requests: 599_992}, half,
			"▕████▊              ▏  15s 25%  150,000 → 149,998/s  p50 412µs  p99 1.24ms  errors 0  in flight 256"},
		{"by requests before the time", 100, LiveOptions{Requests: 149_998, Duration: time.Hour}, half,
			"▕██████████████▏  15s/1h00m00s  150,000 → 149,998/s  p50 412µs  p99 1.24ms  errors 0  in flight 256"},
		{"beyond the end", 60, LiveOptions{Duration: 1500 * time.Millisecond}, half,
			"▕██████████████▏  15s/1.5s  149,998/s  p99 1.24ms  errors 0"},
		{"long", 80, LiveOptions{Duration: 24 * time.Hour}, long,
			"▕▋             ▏  1h00m05s/24h00m00s  150,000 → 149,998/s  p99 1.24ms  errors 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Terminal, tt.o.Width = true, func() int { return tt.width }
			s := newLiveScreen(tt.width)
			if tt.width == 0 {
				s = newLiveScreen(80)
			}
			l := NewLive(s, tt.o)
			l.Phase("connecting 8 connections to a host with a name of many letters, which is longer than the line")
			l.Point(tt.p)
			if got := s.text(); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			l.Done()
			if s.text() != "" || s.trouble != "" || s.colors != "" || !s.wraps {
				t.Errorf("after Done: %q, trouble %q, colours %q, wraps %v", s.text(), s.trouble, s.colors, s.wraps)
			}
		})
	}
}

// TestLiveBrief: the few responses behind the end of what was due are no rate: the line
// stays that of the last second, with what is still in flight.
func TestLiveBrief(t *testing.T) {
	s := newLiveScreen(100)
	l := NewLive(s, LiveOptions{Duration: 30 * time.Second, Terminal: true, Width: func() int { return 100 }})
	last := livePoint(29)
	l.Point(last)
	brief := livePoint(30)
	brief.Length, brief.Drain, brief.Requests, brief.InFlight = 20*time.Millisecond, true, 3, 7
	l.Point(brief)
	if got := string(s.cells); !strings.Contains(got, "149,998/s") || !strings.Contains(got, "in flight 7") {
		t.Errorf("the line is %q", got)
	}
}

// liveTee keeps the last line that was drawn, without colours.
type liveTee struct {
	*liveScreen
	drawn string
}

func (t *liveTee) Write(p []byte) (int, error) {
	_, line, _ := strings.Cut(string(p), "\x1b[?7l")
	line, _, _ = strings.Cut(line, "\x1b[K")
	t.drawn = strings.NewReplacer("\x1b[31m", "", "\x1b[33m", "", "\x1b[36m", "", "\x1b[39m", "").Replace(line)
	return t.liveScreen.Write(p)
}

// Whatever comes in whichever order and width, the screen shows the line that
// was drawn last: no rest of an earlier one, no wrap, nothing in the last
// column.
func TestLiveRedraw(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	digits := func(most int) int64 { // of any length
		n := int64(1)
		for range random.IntN(most + 1) {
			n *= 10
		}
		return random.Int64N(n)
	}
	for range 200 {
		s := &liveTee{liveScreen: newLiveScreen(2 + random.IntN(150))}
		l := NewLive(s, LiveOptions{
			Terminal: true, Color: random.IntN(2) == 0, Width: func() int { return s.columns },
			Duration: time.Duration(digits(14)), Requests: uint64(digits(9)),
		})
		for range 50 {
			if random.IntN(5) == 0 {
				l.Phase(strings.Repeat("é", random.IntN(200)))
			} else {
				l.Point(measure.Point{
					Begin: time.Duration(digits(14)), Length: time.Duration(digits(10)), Asked: float64(digits(7)),
					Requests: uint64(digits(7)), Failed: uint64(digits(5)), InFlight: digits(6) - 5,
					P50: time.Duration(digits(12)), P99: time.Duration(digits(12)),
				})
			}
			if s.trouble != "" || s.cells[s.columns-1] != ' ' || s.text() != s.drawn {
				t.Fatalf("%d columns: trouble %q, the screen shows %q, drawn was %q", s.columns, s.trouble, s.text(), s.drawn)
			}
		}
		l.Done()
		if s.text() != "" || !s.wraps {
			t.Fatalf("Done left %q, wraps %v", s.text(), s.wraps)
		}
	}
}

// A shorter line leaves nothing of the longer one, and fields keep their
// places while their values change.
func TestLiveKeepsPlaces(t *testing.T) {
	s := newLiveScreen(120)
	l := NewLive(s, LiveOptions{Terminal: true, Width: func() int { return 120 }})
	l.Phase(strings.Repeat("x", 200))
	p := livePoint(1)
	l.Point(p)
	column := strings.Index(s.text(), "p99")
	p.Requests, p.P50 = 7, 20*time.Millisecond
	l.Point(p)
	if want := "1s  150,000 → 7/s        p50 20.0ms  p99 1.24ms  errors 0  in flight 256"; s.text() != want {
		t.Errorf("got\n%s\nwant\n%s", s.text(), want)
	}
	p.P50 = 412 * time.Microsecond
	l.Point(p)
	if got := strings.Index(s.text(), "p99"); got != column+1 {
		t.Errorf("p99 went from column %d to %d, want one further for the longer p50", column, got)
	}
	l.Phase("warming up")
	if s.text() != "warming up" {
		t.Errorf("got %q", s.text())
	}
}

func TestLiveColor(t *testing.T) {
	good, slow, failing := livePoint(3), livePoint(3), livePoint(3)
	slow.Requests = 142_000
	failing.Failed = 1
	for _, tt := range []struct {
		name string
		p    measure.Point
		want string // SGR, in order
	}{
		{"good", good, "36m39m"},
		{"slow", slow, "36m39m33m39m"},
		{"failing", failing, "36m39m31m39m"},
	} {
		s := newLiveScreen(100)
		NewLive(s, LiveOptions{Terminal: true, Color: true, Duration: time.Minute, Width: func() int { return 100 }}).Point(tt.p)
		if s.colors != tt.want || s.trouble != "" {
			t.Errorf("%s: colours %q, want %q; trouble %q", tt.name, s.colors, tt.want, s.trouble)
		}
	}
}

func TestLiveBar(t *testing.T) {
	for _, tt := range []struct {
		share   float64
		columns int
		want    string
	}{
		{0, 10, "▕        ▏"},
		{1. / 64, 10, "▕▏       ▏"},
		{2. / 64, 10, "▕▎       ▏"},
		{7. / 64, 10, "▕▉       ▏"},
		{8. / 64, 10, "▕█       ▏"},
		{0.5, 11, "▕████▌    ▏"},
		{63. / 64, 10, "▕███████▉▏"},
		{1, 10, "▕████████▏"},
	} {
		if got := liveBarText(tt.share, tt.columns); got != tt.want {
			t.Errorf("%v of %d columns: %s, want %s", tt.share, tt.columns, got, tt.want)
		}
	}
}

func TestLivePlain(t *testing.T) {
	var out bytes.Buffer
	l := NewLive(&out, LiveOptions{Color: true, Duration: 15 * time.Second, Width: func() int { return 40 }})
	l.Phase("connecting 8 connections\x1b[2J")
	for second := 1; second <= 15; second++ {
		p := livePoint(second)
		switch second {
		case 2: // a little early, as tickers are
			p.Length -= time.Millisecond
		case 12: // the worst of five
			p.P50, p.P99, p.Failed, p.Requests = 2*time.Millisecond, time.Second, 3, 140_000
		}
		l.Point(p)
	}
	l.Done()
	want := `connecting 8 connections�[2J
  1s  asked 150,000/s  reached 149,998/s  p50 412µs  p99 1.24ms  errors 0
  2s  asked 150,000/s  reached 150,148/s  p50 412µs  p99 1.24ms  errors 0
  3s  asked 150,000/s  reached 149,998/s  p50 412µs  p99 1.24ms  errors 0
  4s  asked 150,000/s  reached 149,998/s  p50 412µs  p99 1.24ms  errors 0
  5s  asked 150,000/s  reached 149,998/s  p50 412µs  p99 1.24ms  errors 0
  6s  asked 150,000/s  reached 149,998/s  p50 412µs  p99 1.24ms  errors 0
  7s  asked 150,000/s  reached 149,998/s  p50 412µs  p99 1.24ms  errors 0
  8s  asked 150,000/s  reached 149,998/s  p50 412µs  p99 1.24ms  errors 0
  9s  asked 150,000/s  reached 149,998/s  p50 412µs  p99 1.24ms  errors 0
 10s  asked 150,000/s  reached 149,998/s  p50 412µs  p99 1.24ms  errors 0
 15s  asked 150,000/s  reached 147,998/s  p50 2.00ms  p99 1.00s   errors 3
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// A second attack begins anew, and the last point of one is at its end.
func TestLiveAgain(t *testing.T) {
	for _, tt := range []struct {
		name     string
		terminal bool
		want     string // what was written last
	}{
		{"terminal", true, "▕████████        ▏  1s/2s  150,000 → 149,997/s  p50 412µs  p99 1.24ms  errors 1"},
		{"plain", false, "  1s  asked 150,000/s  reached 149,997/s  p50 412µs  p99 1.24ms  errors 1\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tee := &liveTee{liveScreen: newLiveScreen(80)}
			var out bytes.Buffer
			l := NewLive(tee, LiveOptions{Terminal: true, Duration: 2 * time.Second})
			if !tt.terminal {
				l = NewLive(&out, LiveOptions{Duration: 2 * time.Second})
			}
			last := func() string {
				if tt.terminal {
					return tee.text()
				}
				defer out.Reset()
				return out.String()
			}
			p := livePoint(1)
			p.Failed = 1
			for range 2 {
				l.Phase("trying")
				last()
				p.Begin, p.Length, p.Requests = 0, time.Second, 149_998
				l.Point(p)
				if got := last(); got != tt.want {
					t.Errorf("got\n%s\nwant\n%s", got, tt.want)
				}
				p.Begin, p.Length, p.Requests = time.Second, 1500*time.Millisecond, 224_997
				l.Point(p)
				want := strings.NewReplacer("1s/2s", "2s/2s", "  1s", "  2s", "errors 1", "errors 2", "████████        ", "████████████████").Replace(tt.want)
				if got := last(); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			}
		})
	}
}

// The lines of an hour are few, however often points come.
func TestLivePlainIsBounded(t *testing.T) {
	for _, length := range []time.Duration{time.Second, 999 * time.Millisecond, 100 * time.Millisecond} {
		var out bytes.Buffer
		l := NewLive(&out, LiveOptions{})
		for begin := time.Duration(0); begin < time.Hour; begin += length {
			l.Point(measure.Point{Begin: begin, Length: length, Requests: 5})
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 124 {
			t.Errorf("points of %v: %d lines, want 124", length, len(lines))
		}
		if last := lines[len(lines)-1]; !strings.HasPrefix(last, "1h00m00s  reached 5") {
			t.Errorf("points of %v: the last line is %q", length, last)
		}
	}
}

// A file is no terminal, and what cannot be written is not an error.
func TestLiveTo(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	l := LiveTo(f, LiveOptions{Terminal: true, Duration: time.Minute})
	l.Point(livePoint(1))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	l.Point(livePoint(2))
	l.Done()
	got, err := os.ReadFile(f.Name())
	if want := "   1s  asked 150,000/s  reached 149,998/s  p50 412µs  p99 1.24ms  errors 0\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestLiveClock(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 400 * time.Millisecond: "0s", 59600 * time.Millisecond: "1m00s", 65 * time.Second: "1m05s",
		2*time.Hour + 7*time.Second: "2h00m07s", 100 * time.Hour: "100h00m00s",
	} {
		if got := liveClock(d); got != want {
			t.Errorf("liveClock(%v) = %s, want %s", d, got, want)
		}
	}
}
