package live

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/chartpage"
	"github.com/e0ac7cd4/hotpath/server/config"
)

var (
	//go:embed live.html.tmpl
	pageText string
	//go:embed live.css
	pageStyle string

	// The script, in the order of its parts.
	//go:embed units.js
	unitsScript string
	//go:embed state.js
	stateScript string
	//go:embed explain.js
	explainScript string
	//go:embed live.js
	liveScript string
)

// facts are what does not change while the process lives: live.js has them
// beside the samples.
type facts struct {
	Start        int64   `json:"start"`    // ms of Unix time
	Kept         int     `json:"kept"`     // s
	Capacity     float64 `json:"capacity"` // requests/s that were shown to be served; 0: none
	Latency      float64 `json:"latency"`  // ms, see targetLatency
	Cores        int     `json:"cores"`
	CacheEntries int     `json:"cache_entries"`
	CacheBytes   int64   `json:"cache_bytes"`
	MemoryLimit  uint64  `json:"memory_limit"` // bytes, 0 for none
}

// card is a figure with a small chart.
type card struct {
	ID, Title string
	Label     string // what its chart shows
	Bar       bool   // it has a limit
}

var cards = []card{
	{"hits", "Hit ratio", "the ratio of hits to hits and misses", false},
	{"server_errors", "Errors, 5xx", "the ratio of responses with a status of 500 or more", false},
	{"permits_used", "Connections", "open connections", true},
	{"memory", "Memory", "memory of the process", true},
	{"cpu", "CPU", "processor cores in use", true},
	{"sent", "Sent", "bytes sent per second", false},
}

// fact is a line of what was built and runs.
type fact struct{ Name, Value string }

// newPage renders the page: all that changes on it comes with the stream.
func newPage(cfg Config, start time.Time) (page, error) {
	assets := chartpage.New(pageStyle, unitsScript+stateScript+explainScript+liveScript)
	parsed, err := template.New("live").Parse(pageText)
	if err != nil {
		return page{}, fmt.Errorf("parsing the live page: %w", err)
	}
	cache := cfg.Cache()
	data, err := json.Marshal(facts{
		Start:        start.UnixMilli(),
		Kept:         kept,
		Capacity:     capacityOf(cfg.Capacity),
		Latency:      float64(targetLatency) / float64(time.Millisecond),
		Cores:        runtime.GOMAXPROCS(0),
		CacheEntries: cache.LimitEntries,
		CacheBytes:   cache.LimitBytes,
		MemoryLimit:  memoryLimit(),
	})
	if err != nil {
		return page{}, fmt.Errorf("encoding the facts of the live page: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	var changed, unchanged []config.Line
	for _, line := range cfg.Settings {
		if line.Value != line.Default {
			changed = append(changed, line)
		} else {
			unchanged = append(unchanged, line)
		}
	}
	var b bytes.Buffer
	err = parsed.Execute(&b, struct {
		chartpage.Assets
		Facts              template.JS
		Capacity           string // in words; "": nothing has shown it
		Latency            string // the target
		Host               string
		Cards              []card
		Build              []fact
		Changed, Unchanged []config.Line
	}{
		assets, template.JS(data), capacityText(cfg.Capacity), targetLatency.String(), host, cards,
		[]fact{
			{"hotpath", cfg.Version},
			{"Go", runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH},
			{"cores", fmt.Sprint(runtime.GOMAXPROCS(0))},
			{"host", host},
			{"process", fmt.Sprint(os.Getpid())},
			{"started", start.Format(time.RFC3339)},
		},
		changed, unchanged,
	})
	if err != nil {
		return page{}, fmt.Errorf("rendering the live page: %w", err)
	}
	return page{
		html:   b.Bytes(),
		policy: assets.Policy + "; connect-src 'self'; img-src data:; frame-ancestors 'none'",
	}, nil
}

func capacityOf(c *config.Capacity) float64 {
	if c == nil {
		return 0
	}
	return c.Rate
}

// capacityText says what a load test has shown; "" if none was made.
func capacityText(c *config.Capacity) string {
	if c == nil {
		return ""
	}
	text := thousands(c.Rate) + "/s"
	if c.AtLeast {
		text = "at least " + text
	}
	if c.Objectives != "" {
		text += " with " + strings.ReplaceAll(c.Objectives, ",", ", ")
	}
	if !c.Measured.IsZero() {
		text += " on " + c.Measured.Format("2 January 2006")
	}
	return text
}

// thousands writes a number as the page's script does: 142,000.
func thousands(v float64) string {
	text := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// page is the document with the policy that it is sent with.
type page struct {
	html   []byte
	policy string
}

func (p page) serve(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Referrer-Policy", "no-referrer")
	// An error means that the client has left: the error has no reader.
	_, _ = w.Write(p.html)
}
