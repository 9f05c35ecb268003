package traces

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/client"
)

const (
	id      = "0af7651916cd43dd8448eb211c80319c"
	span    = "b7ad6b7169203331"
	sampled = "00-" + id + "-" + span + "-01"
	not     = "00-" + id + "-" + span + "-00"
)

var (
	stranger = netip.MustParseAddr("192.0.2.7")
	ours     = netip.MustParseAddr("10.0.0.7")
	trust    = client.Networks{netip.MustParsePrefix("10.0.0.0/8")}
)

// fieldsOf makes fields of names and values in turn.
func fieldsOf(pairs ...string) (fields []hpack.Field) {
	for i := 0; i < len(pairs); i += 2 {
		fields = append(fields, hpack.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return fields
}

// TestParent: W3C Trace Context §3.2 and §3.3, and what is not allowed there.
func TestParent(t *testing.T) {
	for why, tt := range map[string]struct {
		fields []hpack.Field
		valid  bool
		state  string
	}{
		"a span":                             {fieldsOf("traceparent", sampled), true, ""},
		"one that is not sampled":            {fieldsOf("traceparent", not), true, ""},
		"with a tracestate":                  {fieldsOf("traceparent", sampled, "tracestate", "a=1,b=2"), true, "a=1,b=2"},
		"in lines, which are one list":       {fieldsOf("tracestate", "a=1", "traceparent", sampled, "tracestate", "b=2"), true, "a=1,b=2"},
		"a malformed tracestate is none":     {fieldsOf("traceparent", sampled, "tracestate", "a=1,a=2"), true, ""},
		"none":                               {nil, false, ""},
		"a tracestate alone":                 {fieldsOf("tracestate", "a=1"), false, ""},
		"two name two parents":               {fieldsOf("traceparent", sampled, "traceparent", sampled), false, ""},
		"an ID of zeros is none":             {fieldsOf("traceparent", "00-"+strings.Repeat("0", 32)+"-"+span+"-01"), false, ""},
		"a parent of zeros neither":          {fieldsOf("traceparent", "00-"+id+"-0000000000000000-01"), false, ""},
		"upper case is not allowed":          {fieldsOf("traceparent", strings.ToUpper(sampled)), false, ""},
		"nothing may follow in version 00":   {fieldsOf("traceparent", sampled+"-00"), false, ""},
		"of a later version something may":   {fieldsOf("traceparent", "01"+sampled[2:]+"-what"), true, ""},
		"but not without end":                {fieldsOf("traceparent", "01"+sampled[2:]+"-"+strings.Repeat("x", 100)), false, ""},
		"version ff is none":                 {fieldsOf("traceparent", "ff"+sampled[2:]), false, ""},
		"a digit too few":                    {fieldsOf("traceparent", sampled[:len(sampled)-1]), false, ""},
		"a digit that is none":               {fieldsOf("traceparent", "00-g"+sampled[4:]), false, ""},
		"another separator":                  {fieldsOf("traceparent", strings.ReplaceAll(sampled, "-", "_")), false, ""},
		"a list":                             {fieldsOf("traceparent", sampled+", "+sampled), false, ""},
		"other fields name none":             {fieldsOf("b3", id+"-"+span+"-1", "x-traceparent", sampled), false, ""},
		"spaces around it are no part of it": {fieldsOf("traceparent", " "+sampled), false, ""},
		"an empty one":                       {fieldsOf("traceparent", ""), false, ""},
	} {
		got := parent(tt.fields)
		if got.IsValid() != tt.valid || got.TraceState().String() != tt.state {
			t.Errorf("%s: valid %v, state %q", why, got.IsValid(), got.TraceState().String())
		}
		if tt.valid && (got.TraceID().String() != id || got.SpanID().String() != span) {
			t.Errorf("%s: %v", why, got)
		}
	}
	for n := range len(sampled) {
		if parent(fieldsOf("traceparent", sampled[:n])).IsValid() {
			t.Errorf("the first %d characters are a traceparent", n)
		}
	}
}

// FuzzParent: what is taken for a traceparent begins as version 00 has it, and goes
// on as the same one.
func FuzzParent(f *testing.F) {
	for _, seed := range []string{sampled, not, "", "ff-", "01-" + sampled[3:] + "-x"} {
		f.Add(seed, "a=1")
	}
	form := regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-|$)`)
	f.Fuzz(func(t *testing.T, text, state string) {
		got := parent(fieldsOf("traceparent", text, "tracestate", state))
		if !got.IsValid() {
			return
		}
		if !form.MatchString(text) || got.TraceID().String() != text[3:35] || got.SpanID().String() != text[36:52] {
			t.Fatalf("%q is %v", text, got)
		}
		if again := parent(fieldsOf("traceparent", "00-"+text[3:53]+got.TraceFlags().String(), "tracestate", got.TraceState().String())); !again.IsValid() || again.TraceState().String() != got.TraceState().String() {
			t.Fatalf("%v goes on as %v", got, again)
		}
	})
}

// TestDecide: which requests are traced, at a share of one half.
func TestDecide(t *testing.T) {
	c := &Config{Sample: 0.5, Trust: trust}
	for _, tt := range []struct {
		why            string
		from           netip.Addr
		traceparent    string
		drawn          float64
		traced         bool
		parent, linked bool
	}{
		{"chance chooses", stranger, "", 0.4, true, false, false},
		{"or does not", stranger, "", 0.5, false, false, false},
		{"a stranger's sampled trace makes none of ours", stranger, sampled, 0.6, false, false, true},
		{"one that chance chooses is linked", stranger, sampled, 0.4, true, false, true},
		{"a stranger cannot avoid it either", stranger, not, 0.4, true, false, true},
		{"a trusted client decides", ours, sampled, 0.9, true, true, false},
		{"both ways", ours, not, 0, false, true, false},
		{"without a traceparent chance does", ours, "", 0.4, true, false, false},
		{"so it does if that is malformed", ours, sampled + "0", 0.9, false, false, false},
		{"who has no address is a stranger", netip.Addr{}, sampled, 0.9, false, false, true},
	} {
		d := c.decide(tt.from, fieldsOf("traceparent", tt.traceparent), tt.drawn)
		if d.traced != tt.traced || d.parent.IsValid() != tt.parent || d.link.IsValid() != tt.linked {
			t.Errorf("%s: %+v", tt.why, d)
		}
	}
	if (&Config{}).decide(stranger, nil, 0).traced || !(&Config{Sample: 1}).decide(stranger, nil, 0.999999).traced {
		t.Error("a share of 0 is none, and of 1 all")
	}
}

// TestForward: what upstreams get of a trace.
func TestForward(t *testing.T) {
	s := start(t, Config{Endpoint: "http://127.0.0.1:9", Trust: trust})
	given := fieldsOf("a", "1", "traceparent", sampled, "tracestate", "v=1", "b", "2")
	text := func(fields []hpack.Field) string {
		var all []string
		for _, f := range fields {
			all = append(all, f.Name+": "+f.Value)
		}
		return strings.Join(all, "\n")
	}
	same := text(given)
	if got := text((*Tracer)(nil).Forward(nil, stranger, given)); got != same {
		t.Errorf("with traces off: %s", got)
	}
	if got := text(s.Forward(nil, ours, given)); got != same {
		t.Errorf("of a trusted client, not traced: %s", got)
	}
	if unsampled := fieldsOf("traceparent", not); text(s.Forward(nil, stranger, unsampled)) != text(unsampled) {
		t.Error("of a stranger, not sampled: it has changed")
	}
	for says, malformed := range map[string][]hpack.Field{
		"two, of which upstreams may take the first": fieldsOf("a", "1", "traceparent", sampled, "traceparent", sampled),
		"one that is longer than we read":            fieldsOf("a", "1", "traceparent", "01"+sampled[2:]+"-"+strings.Repeat("0", 128)),
		"a tracestate of none":                       fieldsOf("a", "1", "tracestate", "v=1"),
	} {
		if got := text(s.Forward(nil, stranger, malformed)); got != "a: 1" {
			t.Errorf("of a stranger, %s: %s", says, got)
		}
	}
	strangers := regexp.MustCompile(`^a: 1\nb: 2\ntraceparent: 00-` + id + `-([0-9a-f]{16})-00\ntracestate: v=1$`)
	if got := strangers.FindStringSubmatch(text(s.Forward(nil, stranger, given))); got == nil || got[1] == span {
		t.Errorf("of a stranger, sampled: %s", text(s.Forward(nil, stranger, given)))
	}
	r := s.Begin(ours, given)
	fetch := r.Fetch(r.NextFetch(), true, "GET", "/", "miss")
	if got, want := text(s.Forward(fetch, ours, given)), "a: 1\nb: 2\ntraceparent: 00-"+id+"-"+fetch.span.SpanContext().SpanID().String()+"-01\ntracestate: v=1"; got != want {
		t.Errorf("of a trusted client, traced: %s, want %s", got, want)
	}
	other := s.begin(decision{traced: true, link: parent(given)})
	fetch = other.Fetch(trace.SpanContext{}, true, "GET", "/", "miss")
	if got, want := text(s.Forward(fetch, stranger, given)), "a: 1\nb: 2\ntraceparent: 00-"+other.own.TraceID().String()+"-"+fetch.span.SpanContext().SpanID().String()+"-03"; got != want {
		t.Errorf("of a stranger, traced: %s, want %s", got, want)
	}
	if text(given) != same {
		t.Error("the client's fields were changed")
	}
}
