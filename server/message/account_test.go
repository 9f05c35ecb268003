package message

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestAccount: times count from the first upstream that was asked, and are those of
// the last one's answer.
func TestAccount(t *testing.T) {
	ask := func(a *Account, upstream string) { a.Asks(upstream); time.Sleep(time.Second) }
	for why, tt := range map[string]struct {
		note func(a *Account)
		want Noted
	}{
		"nothing was noted":      {func(*Account) {}, Noted{}},
		"a site and an ID alone": {func(a *Account) { a.For("a"); a.Named("1") }, Noted{Site: "a", ID: "1"}},
		"an end without an upstream is none": {func(a *Account) {
			time.Sleep(time.Second)
			a.Ends()
		}, Noted{}},
		"an answer": {func(a *Account) {
			ask(a, "u")
			a.Answers()
			time.Sleep(time.Second)
			a.Ends()
		}, Noted{Upstream: "u", Head: time.Second, Total: 2 * time.Second}},
		"an answer that has not ended": {func(a *Account) {
			ask(a, "u")
			a.Answers()
		}, Noted{Upstream: "u", Head: time.Second}},
		"the first end counts": {func(a *Account) {
			ask(a, "u")
			a.Ends()
			time.Sleep(time.Second)
			a.Ends()
		}, Noted{Upstream: "u", Total: time.Second}},
		"another one is asked after a failure": {func(a *Account) {
			ask(a, "u")
			a.Ends()
			ask(a, "v")
			a.Answers()
			a.Ends()
		}, Noted{Upstream: "v", Head: 2 * time.Second, Total: 2 * time.Second}},
		"a tunnel has no end": {func(a *Account) {
			ask(a, "u")
			a.Answers()
			a.Tunnels()
			a.Ends()
		}, Noted{Upstream: "u", Head: time.Second}},
		"what is asked again has no answer yet": {func(a *Account) {
			ask(a, "u")
			a.Answers()
			a.Ends()
			a.Asks("u")
		}, Noted{Upstream: "u"}},
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := new(Account)
				tt.note(a)
				if got := a.Noted(); got != tt.want {
					t.Errorf("got %+v, want %+v", got, tt.want)
				}
				tt.note(nil)
			})
		})
	}
	if got := (*Account)(nil).Noted(); got != (Noted{}) {
		t.Errorf("nil has %+v", got)
	}
}
