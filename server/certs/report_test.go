package certs

import (
	"crypto/x509"
	"fmt"
	"testing"
	"time"
)

// TestWarnings: the end of a certificate is announced, once at each stage, and
// what follows from it happens by itself.
func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	names := []string{"a.example"}
	first := spec{subject: "first", names: names, from: -70 * day, to: 20 * day}.make(t)
	next := spec{subject: "next", names: names, from: 10 * day, to: 12 * day}.make(t)
	writePair(t, dir, "first", first)
	f := keep(t, Sources{Dir: dir})
	if got := f.m.CertificateExpiry.Value(); got != first.Leaf.NotAfter.Unix() {
		t.Errorf("the first to end does so at %d, want %d", got, first.Leaf.NotAfter.Unix())
	}
	stage := func(why string, d time.Duration, warnings int, says string) {
		t.Helper()
		for range 3 {
			f.look(begin.Add(d))
			d += reviewTime
		}
		f.logs(why, warnings, "level=WARN")
		if says != "" {
			f.logs(why, 1, "level=WARN", says, "first.crt")
		}
	}
	stage("20 days left", time.Hour, 0, "")
	stage("14 days left", 6*day+time.Hour, 1, "ends soon")
	stage("3 days left", 17*day+time.Hour, 2, "about to end")
	stage("none left", 20*day+time.Hour, 3, "has expired")
	f.presents("expired, and no other", "a.example", first)

	// One that is valid takes the place of one that is not, when its time comes.
	g := keep(t, Sources{Dir: dir})
	writePair(t, dir, "next", next)
	g.pass(Interval)
	g.pass(Interval)
	g.presents("before it begins", "a.example", first)
	g.logs("before it begins", 1, "level=WARN", "not valid yet", "next.crt")
	g.now = begin.Add(20 * day)
	remove(t, dir+"/next.crt")
	remove(t, dir+"/next.key")
	writePair(t, dir, "next", spec{subject: "next", names: names, from: 20*day + 10*time.Minute, to: 80 * day}.make(t))
	g.pass(Interval)
	g.presents("both are invalid", "a.example", g.found[1].certificate)
	writePair(t, dir, "first", spec{subject: "first", names: names, from: 19 * day, to: 20*day + 20*time.Minute}.make(t))
	g.pass(Interval)
	g.presents("next begins in ten minutes", "a.example", g.found[0].certificate)
	g.pass(21 * time.Minute)
	g.presents("next has begun, and first ended", "a.example", g.found[1].certificate)
}

// TestNamesInMetrics: the names that end first have a metric, and no more.
func TestNamesInMetrics(t *testing.T) {
	leaf := func(name string, end time.Duration) *x509.Certificate {
		return spec{subject: "nameless", names: names(name), to: end}.make(t).Leaf
	}
	few := firstToEnd([]*x509.Certificate{leaf("a", 3*day), leaf("a", 2*day), leaf("", day)})
	if len(few) != 2 || few["a"] != begin.Add(2*day).Unix() || few["nameless"] != begin.Add(day).Unix() {
		t.Errorf("the ends of two names are %v", few)
	}
	var many []*x509.Certificate
	for i := range 3 * maxNames {
		many = append(many, leaf(fmt.Sprintf("n%03d", i), time.Duration(1+i)*day))
	}
	got := firstToEnd(many)
	if _, last := got[fmt.Sprintf("n%03d", maxNames-1)]; len(got) != maxNames || !last {
		t.Errorf("%d names, want the %d that end first", len(got), maxNames)
	}
}

func names(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}
