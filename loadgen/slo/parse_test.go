package slo

import (
	"flag"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]string{ // to String of what is read
		"rate>=150000,mean<=3ms,p99<=10ms,errors<=0": "rate>=150000,mean<=3ms,p99<=10ms,errors<=0",
		" rate >= 150k ,\tp99.9 < 1.5s ":             "rate>=150000,p99.9<1.5s",
		"rate>1_500_000":                             "rate>1500000",
		"rate<=1.5M":                                 "rate<=1500000",
		"rate>0.25":                                  "rate>0.25",
		"p50<=500us":                                 "p50<=500µs",
		"p99.990<=1ms":                               "p99.99<=1ms",
		"p0.5>=1ns":                                  "p0.5>=1ns",
		"min>0s,max<1h":                              "min>0s,max<1h0m0s",
		"service-mean<=3ms,service-p99.99<=10ms":     "service-mean<=3ms,service-p99.99<=10ms",
		"p99<=1ms,service-p99<=1ms":                  "p99<=1ms,service-p99<=1ms",
		"mean>=1ms,mean<=3ms":                        "mean>=1ms,mean<=3ms",
		"errors<10k":                                 "errors<10000",
		"error-ratio<=0.1%":                          "error-ratio<=0.1%",
		"error-ratio<=0.001":                         "error-ratio<=0.1%",
		"success>=99.99 %":                           "success>=99.99%",
		"success>=1":                                 "success>=100%",
		"success>=0.07":                              "success>=7%",
	} {
		got, err := Parse(in)
		if err != nil {
			t.Errorf("Parse(%q): %v", in, err)
		} else if got.String() != want {
			t.Errorf("Parse(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for in, want := range map[string]string{ // to a part of the error
		"":                           "an objective is empty",
		"mean<=3ms,":                 "an objective is empty",
		"mean<=3ms,,max<=1s":         "an objective is empty",
		"mean":                       `"mean" has no comparison: allowed are <=, >=, <, >`,
		"mean=3ms":                   `"=" is no comparison: allowed are <=, >=, <, >`,
		"mean==3ms":                  `"==" is no comparison`,
		"mean=<3ms":                  `"=<" is no comparison`,
		"mean!=3ms":                  `"!=" is no comparison`,
		"mean<>3ms":                  `"<>" is no comparison`,
		"latency<=3ms":               `"latency" is no metric: allowed are rate, answered, errors, error-ratio, success, and mean`,
		"<=3ms":                      `"" is no metric`,
		"Mean<=3ms":                  `"Mean" is no metric`,
		"p<=3ms":                     `"p" is no metric`,
		"p0<=3ms":                    `"p0" is no metric`,
		"p100<=3ms":                  `"p100" is no metric`,
		"p99.<=3ms":                  `"p99." is no metric`,
		"p.9<=3ms":                   `"p.9" is no metric`,
		"p9e1<=3ms":                  `"p9e1" is no metric`,
		"p-1<=3ms":                   `"p-1" is no metric`,
		"p99.99999999999999999<=3ms": "is no metric", // rounds to 100
		"service-rate>=1":            `"service-rate" is no metric`,
		"service-errors<=1":          `"service-errors" is no metric`,
		"service-<=1ms":              `"service-" is no metric`,
		"mean<=":                     `"" is no latency: allowed are durations such as 500us, 3ms or 1.5s, from 0s to 1h`,
		"mean<=3":                    `"3" is no latency`,
		"mean<=3 ms":                 `"3 ms" is no latency`,
		"mean<=-3ms":                 `"-3ms" is no latency`,
		"mean<=61m":                  `"61m" is no latency`,
		"rate>=":                     `"" is no such number: allowed are some such as 150000, 150_000, 150k or 1.5M, from 0 to 1000000000000000`,
		"rate>=fast":                 `"fast" is no such number`,
		"rate>=-1":                   `"-1" is no such number`,
		"rate>=1e3":                  `"1e3" is no such number`,
		"rate>=Inf":                  `"Inf" is no such number`,
		"rate>=NaN":                  `"NaN" is no such number`,
		"rate>=0x10":                 `"0x10" is no such number`,
		"rate>=1__0":                 `"1__0" is no such number`,
		"rate>=_1":                   `"_1" is no such number`,
		"rate>=1_k":                  `"1_k" is no such number`,
		"rate>=1K":                   `"1K" is no such number`,
		"rate>=1kk":                  `"1kk" is no such number`,
		"rate>=k":                    `"k" is no such number`,
		"rate>=1000000001M":          `"1000000001M" is no such number`,
		"rate>=150/s":                `"150/s" is no such number`,
		"errors<=0.5":                `"0.5" is no count: allowed are whole numbers`,
		"error-ratio<=1.1":           `"1.1" is no share: allowed are some such as 0.001 or 0.1%, from 0 to 1 or 100%`,
		"error-ratio<=101%":          `"101%" is no share`,
		"error-ratio<=-1%":           `"-1%" is no share`,
		"success>=%":                 `"%" is no share`,
		"success>=1e-1":              `"1e-1" is no share`,
		"p99<=1ms,p99<=2ms":          `"p99<=1ms" and "p99<=2ms" bound p99 twice: allowed is once from each side`,
		"p99<1ms,p99.0<=2ms":         "bound p99 twice",
		"mean<=1\nms":                `"1\nms" is no latency`,
	} {
		got, err := Parse(in)
		switch {
		case err == nil:
			t.Errorf("Parse(%q) = %s, want an error", in, got)
		case !strings.Contains(err.Error(), want):
			t.Errorf("Parse(%q): %v; want it to say %s", in, err, want)
		case strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "allowed"):
			t.Errorf("Parse(%q): %q is not one line that says what is allowed", in, err)
		}
	}
}

// TestMeant: what is refused comes with what was meant.
func TestMeant(t *testing.T) {
	for in, want := range map[string]string{
		"errors<=1%":       "error-ratio<=1%",
		"mean<=3":          "mean<=3ms",
		"mean<=3 ms":       "mean<=3ms",
		"mean=3ms":         "mean<=3ms",
		"mean =< 3ms":      "mean<=3ms",
		"rate=150k":        "rate>=150k",
		"rate>=150/s":      "rate>=150",
		"rate>=1K":         "rate>=1k",
		"rate>=150,000":    "", // a comma begins another objective
		"Mean<=3ms":        "mean<=3ms",
		"error<=0":         "errors<=0",
		"avg<=3ms":         "mean<=3ms",
		"99p<=3ms":         "p99<=3ms",
		"p99<=10":          "p99<=10ms",
		"success>=99":      "success>=99%",
		"error-rate<=0.1%": "error-ratio<=0.1%",
		"speed>=5":         "",
		"mean":             "",
	} {
		_, err := Parse(in)
		if err == nil {
			t.Errorf("Parse(%q) is no error", in)
			continue
		}
		if _, meant, _ := strings.Cut(err.Error(), "(did you mean "); strings.TrimSuffix(meant, "?)") != want {
			t.Errorf("Parse(%q): %v; want it to suggest %q", in, err, want)
		}
	}
}

func TestFlag(t *testing.T) {
	var o Objectives
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Var(&o, "slo", "")
	if err := flags.Parse([]string{"-slo", "p99<=10ms", "-slo", "rate>=5,errors<=0"}); err != nil {
		t.Fatal(err)
	}
	if want := "p99<=10ms,rate>=5,errors<=0"; o.String() != want {
		t.Errorf("the flag is %s, want %s", o, want)
	}
	for _, wrong := range []string{"p99<10ms", "rate"} {
		if err := o.Set(wrong); err == nil || len(o) != 3 {
			t.Errorf("Set(%q) = %v, and the objectives are %s", wrong, err, o)
		}
	}
}

func TestHuman(t *testing.T) {
	for in, want := range map[string]string{
		"rate>=150k": "rate >= 150,000/s", "p99.90<10ms": "p99.9 < 10ms", "service-max<=1.5s": "service-max <= 1.5s",
		"errors<=1000": "errors <= 1,000", "error-ratio<=0.001": "error-ratio <= 0.1%", "success>0.99999": "success > 99.999%",
	} {
		o, err := Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := o[0].Human(); got != want {
			t.Errorf("%s for people is %q, want %q", in, got, want)
		}
	}
}

func TestTargets(t *testing.T) {
	o, err := Parse("rate>=150k,mean<=3ms,service-p99.9<=10ms,max<1s,min>1us,errors<=0,rate<1M")
	if err != nil {
		t.Fatal(err)
	}
	latencies := []Latency{
		{o[1], 3 * time.Millisecond, false, 0},
		{o[2], 10 * time.Millisecond, true, 0.999},
		{o[3], time.Second, false, 1},
		{o[4], time.Microsecond, false, 0},
	}
	if got := o.Latencies(); !reflect.DeepEqual(got, latencies) {
		t.Errorf("the latencies are %v, want %v", got, latencies)
	}
	if got, want := o.Rates(), []Rate{{o[0], 150_000}, {o[6], 1e6}}; !reflect.DeepEqual(got, want) {
		t.Errorf("the rates are %v, want %v", got, want)
	}
}

// FuzzParse demands that what was read is written so that it reads the same,
// and that errors are one line.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"rate>=150000,mean<=3ms,p99<=10ms,errors<=0", "p99.9 < 1.5s", "rate>1_500_000", "rate<=1.5M", "success>=99.99 %",
		"error-ratio<=0.07", "service-p0.1>=1ns", "mean>=1ms,mean<=3ms", "p99<1ms,p99.0<=2ms", "", ",", "p99=<1", "rate>=\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := Parse(s)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("Parse(%q): %q is more than a line", s, err)
			}
			return
		}
		again, err := Parse(o.String())
		if err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("Parse(%q) = %s, read back %s, %v", s, o, again, err)
		}
	})
}
