package fleet

import (
	"bytes"
	"encoding/gob"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/pattern"
)

// fill sets every field of a struct that has a simple type, and fails on those
// that are left zero.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Int, reflect.Int64:
			f.SetInt(int64(i + 1))
		case reflect.Uint8, reflect.Uint64:
			f.SetUint(uint64(i + 1))
		case reflect.Bool:
			f.SetBool(true)
		case reflect.String:
			f.SetString("text")
		default:
			if f.IsZero() {
				t.Fatalf("%s.%s is not in the test", v.Type(), v.Type().Field(i).Name)
			}
		}
	}
}

// TestConfigArrives: an agent gets the attack that was asked for, with every
// field that attack.Config has or will have.
func TestConfigArrives(t *testing.T) {
	rate := vegeta.ConstantPacer{Freq: 3, Per: time.Second}
	for _, pacer := range []vegeta.Pacer{
		rate,
		vegeta.LinearPacer{StartAt: rate, Slope: -0.5},
		vegeta.SinePacer{Period: time.Minute, Mean: rate, Amp: vegeta.ConstantPacer{Freq: 1, Per: time.Hour}, StartAt: vegeta.Trough},
		attack.Stages{Start: rate, Stages: []attack.Stage{{Time: time.Second, Rate: rate}, {Rate: rate}}},
		attack.Replay{Moments: []time.Duration{0, 5}, Targets: []uint32{1, 0}, Clients: []uint32{0, 1}, End: time.Second},
		nil,
	} {
		cfg := attack.Config{
			Targets: []vegeta.Target{
				{Method: "PUT", URL: "https://a.example/", Body: []byte("content"), Header: http.Header{"X-A": {"1", "2"}}},
				{Method: "GET", URL: "http://b.example/"},
			},
			Pacer: rate,
			Pattern: pattern.Spec{
				Keys: 5, Popularity: pattern.Popularity{Kind: "zipf", Exponent: 1.1}, Seed: 3, Ranges: 0.1, Conditional: 0.2,
				Vary: []pattern.Vary{{Name: "a", Values: []string{"b", "c"}}},
			},
			Proxies:   map[exchange.Origin]string{{Secure: true, Host: "a.example", Port: "443"}: "http://b.example"},
			ConnectTo: []attack.Redirect{{FromHost: "a.example", ToPort: "1"}},
			CACert:    []byte("PEM"), Cert: []byte("PEM"), Key: []byte("PEM"),
		}
		fill(t, reflect.ValueOf(&cfg).Elem())
		cfg.Pacer = pacer
		var m message
		if err := received(encoded(t, message{Kind: kindStart, Start: &start{cfg, true}})).recv(&m, maxMessage); err != nil {
			t.Fatal(err)
		}
		if !m.Start.Outcomes || !reflect.DeepEqual(m.Start.Config, cfg) {
			t.Errorf("%+v arrived as %+v", cfg, m.Start)
		}
	}
}

func TestOutcomesArrive(t *testing.T) {
	requests := pattern.List{{Target: 0}, {Target: 1}}
	o := exchange.Outcome{Ticket: exchange.Ticket{Request: requests[1]}, Failure: &exchange.Failure{}, Cache: exchange.CacheNote{State: exchange.CacheStale, Collapsed: true, HasAge: true, Age: 9}}
	fill(t, reflect.ValueOf(&o.Ticket).Elem())
	fill(t, reflect.ValueOf(&o).Elem())
	for _, failure := range []*exchange.Failure{{Kind: exchange.Lost, Detail: "why"}, {}, nil} {
		o.Failure = failure
		var m message
		if err := received(encoded(t, message{Outcomes: []outcome{toWire(&o)}})).recv(&m, maxMessage); err != nil {
			t.Fatal(err)
		}
		got, err := fromWire(&m.Outcomes[0], requests)
		if err != nil || got.Request != o.Request || !reflect.DeepEqual(got, o) {
			t.Errorf("%+v arrived as %+v, %v", o, got, err)
		}
	}
	for want, o := range map[string]outcome{
		"target 2 of 2":  {Target: 2},
		"target -1 of 2": {Target: -1},
		"failure kind 1": {Failure: &exchange.Failure{Kind: exchange.Kind(len(exchange.Kinds()))}},
	} {
		if _, err := fromWire(&o, requests); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestOutcomeSize: the fullest batch is far below what a message may take.
func TestOutcomeSize(t *testing.T) {
	o := outcome{
		Target: 1 << 20, Due: time.Hour, Sent: time.Hour, Ended: time.Hour, Seq: 1 << 40, Tries: 3, Status: 599,
		BytesIn: 1 << 30, BytesOut: 1 << 30, Failure: &exchange.Failure{Kind: exchange.Lost, Detail: strings.Repeat("x", 80)},
	}
	var b bytes.Buffer
	enc := gob.NewEncoder(&b)
	_ = enc.Encode(message{Outcomes: []outcome{o}})
	b.Reset()
	_ = enc.Encode(message{Outcomes: []outcome{o, o}})
	one := b.Len() / 2
	const most = spoolRoom + 10_000 // a turn of the largest number of streams goes over the room
	if most*one > maxMessage/2 {
		t.Errorf("%d outcomes of %d bytes", most, one)
	}
}
