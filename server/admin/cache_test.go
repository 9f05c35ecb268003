package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/missed"
)

// scribe is a cache that notes what it is asked, and refuses the tag "refused".
type scribe struct{ asked string }

func (s *scribe) Purge(p edge.Purge) (edge.Purged, error) {
	if len(p.Tags) > 0 && p.Tags[0] == "refused" {
		return edge.Purged{}, errors.New("one reason\nanother")
	}
	s.asked = fmt.Sprintf("%+v", p)
	return edge.Purged{Targets: []string{"done"}, Soft: p.Soft}, nil
}

func (s *scribe) Explain(q edge.Question) (edge.Explanation, error) {
	s.asked = fmt.Sprintf("%+v", q)
	return edge.Explanation{Outcome: "explained"}, nil
}

func (s *scribe) Misses(n int) []missed.Path {
	s.asked = fmt.Sprint(n)
	return []missed.Path{{Site: "a", Path: "a.com/", Misses: 3, Reason: "miss"}}
}

func withCache(s *scribe) func(*Config) { return func(c *Config) { c.Cache = s } }

// TestPurgeAndExplain: what parameters mean, as a form and in the query; what is not
// one is refused, and then nothing is asked of the cache.
func TestPurgeAndExplain(t *testing.T) {
	for _, tt := range []struct {
		method, path, form string
		status             int
		says, asked        string
	}{
		{"POST", "/purge?tag=a&tag=b&soft=1", "", 200, `"purged":["done"]`, "{URLs:[] Prefixes:[] Hosts:[] Tags:[a b] All:false Site: Soft:true Count:false}"},
		{"POST", "/purge", "url=https%3A%2F%2Fa.com%2F&count", 200, `"soft":false`, "{URLs:[https://a.com/] Prefixes:[] Hosts:[] Tags:[] All:false Site: Soft:false Count:true}"},
		{"POST", "/purge", "all=true&site=shop&soft=0", 200, "", "{URLs:[] Prefixes:[] Hosts:[] Tags:[] All:true Site:shop Soft:false Count:false}"},
		{"POST", "/purge?prefix=p&host=h", "", 200, "", "{URLs:[] Prefixes:[p] Hosts:[h] Tags:[] All:false Site: Soft:false Count:false}"},
		{"POST", "/purge?tags=a", "", 400, `parameter "tags": allowed are url, prefix, host, tag, all, site, soft, count`, ""},
		{"POST", "/purge?tag=a&soft=yes", "", 400, `soft "yes": allowed is 1 or 0`, ""},
		{"POST", "/purge?tag=refused", "", 400, "one reason\nanother\n", ""},
		{"POST", "/purge", "tag=" + strings.Repeat("x", maxForm), 400, "allowed are up to 1048576 bytes", ""},
		{"POST", "/purge", "tag=%zz", 400, "reading the form", ""},
		{"GET", "/purge?all=1", "", 405, "POST", ""},
		{"GET", "/explain?url=https://a.com/%3Fq&field=accept-language:+de&method=HEAD", "", 200, `"outcome":"explained"`, "{Method:HEAD URL:https://a.com/?q Fields:[{Name:accept-language Value:de"},
		{"GET", "/explain?url=u&method=QUERY&content=%7B%7D", "", 200, `"outcome":"explained"`, "{Method:QUERY URL:u Fields:[] Content:{} Client:invalid IP}"},
		{"GET", "/explain?url=u&client=2001:db8::1", "", 200, `"outcome":"explained"`, "{Method: URL:u Fields:[] Content: Client:2001:db8::1}"},
		{"GET", "/explain?url=u&client=10.0.0.0/8", "", 400, `client "10.0.0.0/8": allowed is an IP address`, ""},
		{"GET", "/explain?url=u&header=x", "", 400, `parameter "header": allowed are url, method, field, content, client`, ""},
		{"GET", "/explain?url=u&field=x", "", 400, `field "x": allowed is a field such as`, ""},
		{"GET", "/misses", "", 200, `[{"site":"a","path":"a.com/","misses":3,"reason":"miss"`, "20"},
		{"POST", "/misses", "", 405, "GET and HEAD", ""},
		{"POST", "/explain", "url=u&method=QUERY&content=" + strings.Repeat("x", 64<<10), 200, `"outcome":"explained"`, "{Method:QUERY URL:u Fields:[] Content:xxx"},
		{"POST", "/explain", "url=%zz", 400, "reading the form", ""},
		{"PUT", "/explain?url=u", "", 405, "GET, HEAD and POST", ""},
		{"POST", "/explain", "url=u" + strings.Repeat("&field=a", 257), 400, "257 fields: allowed are up to 256", ""},
	} {
		s := new(scribe)
		h, _ := newServerOf(prometheus.NewRegistry(), nil, "", withCache(s))
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) || !strings.HasPrefix(s.asked, tt.asked) || tt.asked == "" && s.asked != "" {
			t.Errorf("%s %s %.50s: %d %q, asked %q; want %d %q, %q", tt.method, tt.path, tt.form, w.Code, w.Body, s.asked, tt.status, tt.says, tt.asked)
		}
	}
}

// TestPurgeNeedsTheToken: neither without it nor from a page of another site is
// anything purged.
func TestPurgeNeedsTheToken(t *testing.T) {
	s := new(scribe)
	h, _ := newServerOf(prometheus.NewRegistry(), nil, "secret", withCache(s))
	for _, header := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Authorization", "Bearer secret", "Sec-Fetch-Site", "cross-site"}} {
		if r := get(h, "POST", "/purge?all=1", header...); r.StatusCode < 400 || s.asked != "" {
			t.Errorf("%v: %d, %q", header, r.StatusCode, s.asked)
		}
	}
	if r := get(h, "POST", "/purge?all=1", "Authorization", "Bearer secret"); r.StatusCode != 200 {
		t.Errorf("with the token: %d", r.StatusCode)
	}
}

// TestCacheClient asks as the commands do.
func TestCacheClient(t *testing.T) {
	s := new(scribe)
	h, _ := newServerOf(prometheus.NewRegistry(), nil, "", withCache(s))
	server := httptest.NewServer(http.HandlerFunc(h.ServeHTTP))
	defer server.Close()
	c := Client{Address: server.Listener.Addr().String()}
	if done, err := c.Purge(t.Context(), url.Values{"tag": {"a"}, "soft": {"1"}}); err != nil || !done.Soft || len(done.Targets) != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := c.Purge(t.Context(), url.Values{"tag": {"refused"}}); err == nil || err.Error() != "one reason\nanother" {
		t.Errorf("%v", err)
	}
	if all, err := c.Misses(t.Context()); err != nil || len(all) != 1 || all[0].Misses != 3 {
		t.Errorf("%+v, %v", all, err)
	}
	if x, err := c.Explain(t.Context(), url.Values{"url": {"https://a.com/?a=b&c"}}); err != nil || x.Outcome != "explained" || !strings.Contains(s.asked, "https://a.com/?a=b&c") {
		t.Errorf("%+v, %v, asked %q", x, err, s.asked)
	}
}
