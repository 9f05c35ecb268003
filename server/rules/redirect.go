package rules

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// Redirect leads requests for a path elsewhere.
type Redirect struct {
	From   string // a path; with a "*" at its end, every one that begins so
	To     string // a path or an absolute URL; with a "*" at its end, what the * of From stands for is appended
	Status int    // 301, 302, 303, 307 or 308
}

// What is wrong with a redirect.
var (
	errFrom      = errors.New("does not begin with / and a path, of which * may be the end")
	errTo        = errors.New("is neither a path nor a URL of http or https")
	errStar      = errors.New("ends in *, and from does not")
	errAuthority = errors.New("has a * that would be part of the host")
	errFragment  = errors.New("has a query or a fragment before the *")
	errItself    = errors.New("leads to itself")
)

// CheckFrom reports what is wrong with From.
func (r *Redirect) CheckFrom() error {
	path := strings.TrimSuffix(r.From, "*")
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "*?#") || !visible(path) {
		return errFrom
	}
	return nil
}

// CheckTo reports what is wrong with To, From being right.
func (r *Redirect) CheckTo() error {
	to, star := strings.CutSuffix(r.To, "*")
	u, err := url.Parse(to)
	switch {
	case err != nil || to == "" || !visible(to) || strings.Contains(to, "*") || u.User != nil || strings.Contains(to, `\`):
		return errTo
	case u.Scheme == "" && (u.Host != "" || !strings.HasPrefix(to, "/")):
		return errTo
	case u.Scheme != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == ""):
		return errTo
	case star && !strings.HasSuffix(r.From, "*"):
		return errStar
	case star && u.Host != "" && u.Path == "":
		return errAuthority // https://example.com* with .evil.example behind it
	case star && strings.ContainsAny(to, "?#"):
		return errFragment
	case u.Scheme == "" && r.matches(u.Path):
		return errItself
	}
	return nil
}

// matches reports whether a path is one of those that are led elsewhere.
func (r *Redirect) matches(path string) bool {
	if prefix, ok := strings.CutSuffix(r.From, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return path == r.From
}

// visible reports whether a text may stand in a Location as it is.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// Redirects are those of a site. [NewRedirects] makes them; nil has none.
type Redirects struct {
	exact    map[string]Redirect
	prefixes []Redirect // the longest first
}

// NewRedirects makes redirects, of which each is right. An exact path comes before a
// prefix, a longer prefix before a shorter one.
func NewRedirects(all []Redirect) *Redirects {
	if len(all) == 0 {
		return nil
	}
	r := &Redirects{exact: make(map[string]Redirect)}
	for _, one := range all {
		if strings.HasSuffix(one.From, "*") {
			r.prefixes = append(r.prefixes, one)
		} else {
			r.exact[one.From] = one
		}
	}
	slices.SortFunc(r.prefixes, func(a, b Redirect) int { return len(b.From) - len(a.From) })
	return r
}

// find returns the redirect of a target, its path and its query, which begins with
// "?".
func (r *Redirects) find(target string) (found Redirect, path, query string, ok bool) {
	if r == nil {
		return found, "", "", false
	}
	path = target
	for i := range len(target) {
		if target[i] == '?' {
			path, query = target[:i], target[i:]
			break
		}
	}
	if found, ok = r.exact[path]; ok {
		return found, path, query, true
	}
	for i := range r.prefixes {
		if r.prefixes[i].matches(path) {
			return r.prefixes[i], path, query, true
		}
	}
	return found, "", "", false
}

// match reports whether a target is led elsewhere.
func (r *Redirects) match(target string) bool {
	if r == nil {
		return false
	}
	_, _, _, ok := r.find(target)
	return ok
}

// MostFollowed is how many redirects in a row browsers follow (Fetch standard, HTTP-redirect
// fetch).
const MostFollowed = 20

// Loop is the From of a redirect that leads in a circle, or further than browsers
// follow, by the redirects of one site; false if there is none. Of a From that ends
// in * one path is tried that begins so.
func Loop(all []Redirect) (from string, ok bool) {
	r := NewRedirects(all)
	for _, one := range all {
		path := strings.Replace(one.From, "*", "x", 1)
		for range MostFollowed + 1 {
			found, _, _, ok := r.find(path)
			if !ok {
				path = ""
				break
			}
			path, _, _ = strings.Cut(found.location(path, ""), "#")
			path, _, _ = strings.Cut(path, "?")
		}
		if path != "" {
			return one.From, true
		}
	}
	return "", false
}

// answer is the redirect of a target; nil if it is not led elsewhere.
func (r *Redirects) answer(target string) *message.Response {
	found, path, query, ok := r.find(target)
	switch {
	case !ok:
		return nil
	case !visible(target):
		return badTarget
	}
	return origin.Page(found.Status, hpack.Field{Name: "location", Value: found.location(path, query)})
}

var badTarget = origin.Page(http.StatusBadRequest)

// location is the target that a path with a query is redirected to.
//
// A path stays one of this host whatever is appended: a browser takes "//host" and
// "/\host" for another one, so that no second slash follows the first. Behind a URL
// with a path what is appended cannot become a part of the host.
func (r *Redirect) location(path, query string) string {
	to, star := strings.CutSuffix(r.To, "*")
	if star {
		to += path[len(r.From)-len("*"):]
	}
	if to[0] == '/' {
		to = "/" + strings.TrimLeft(to, `/\`)
	}
	if query == "" {
		return to
	}
	to, fragment, marked := strings.Cut(to, "#")
	if strings.Contains(to, "?") {
		query = "&" + query[1:]
	}
	if to += query; marked {
		to += "#" + fragment
	}
	return to
}
