package config

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/e0ac7cd4/hotpath/server/rules"
)

// SiteFields is what becomes of the fields of messages: some are removed, some are
// set. Names are in lower case.
type SiteFields struct {
	Set    map[string]string
	Remove []string
}

// SiteUsers are those who may see a site.
type SiteUsers struct {
	File  string // of htpasswd -B; "": everybody may
	Realm string // what browsers show to those who sign in
	Pass  bool   // the upstream gets Authorization
}

// SiteErrors are the pages of errors.
type SiteErrors struct {
	Pages    map[string]string // files by status, "404", or class, "4xx"
	Upstream bool              // errors of upstreams get them too
}

// SiteMaintenance is an answer in place of the site.
type SiteMaintenance struct {
	On         bool
	Allow      []netip.Prefix // the clients that are served all the same
	RetryAfter time.Duration  // in whole seconds
	Page       string         // file; "": the site's page of 503
}

// ruleSettings are the rows of what a site demands and changes.
func ruleSettings(s *Site) []siteSetting {
	return []siteSetting{
		{"allow", "", prefixes(&s.Allow),
			"Clients that are let in; if there are any, all others are answered with 403."},
		{"deny", "", prefixes(&s.Deny),
			"Clients that are answered with 403, also if they are among those of allow."},
		{"redirects", "", &redirects{p: &s.Redirects},
			"Paths that lead elsewhere. `from` is a path, or with a `*` at its end all that begin so; the exact one comes before the others, a longer one before a shorter one. `to` is a path or an absolute URL; if it ends in `*` too, the rest of the path is appended. The query is kept. `status` is 308 if it is not given."},
		{"basic-auth.users", "", &text{p: &s.Users.File, what: "a file of htpasswd -B", empty: "everybody is let in"},
			"Users with the bcrypt hashes of their passwords, who alone are let in (RFC 7617). The file is read again when it changes. What is stored is for all of them, and their answers have `Cache-Control: private`."},
		{"basic-auth.realm", "restricted", &realm{p: &s.Users.Realm},
			"What browsers say the password is for."},
		{"basic-auth.pass", "false", &toggle{p: &s.Users.Pass},
			"The upstream gets the Authorization of users. Then only what it says is for all of them is stored for all (RFC 9111 §3.5)."},
		{"max-body", "0", &size{p: &s.MaxBody, zero: "as outside of sites", min: 1, max: maxSiteBody},
			"Content of a request; a larger one is answered with 413. One that does not say its length is cut off when it has passed it."},
		{"request-headers.set", "", &fieldSet{p: &s.RequestFields.Set, request: true},
			"Fields of requests to an upstream, in place of the client's. Values are sent as they stand here."},
		{"request-headers.remove", "", fieldNames(&s.RequestFields.Remove, true),
			"Fields of requests that an upstream does not get."},
		{"response-headers.set", "", &fieldSet{p: &s.ResponseFields.Set},
			"Fields of all answers of the site, in place of the origin's, of what is stored as of errors and redirects. Values are sent as they stand here. What the server decides, it decides by the origin's."},
		{"response-headers.remove", "", fieldNames(&s.ResponseFields.Remove, false),
			"Fields that no answer of the site has."},
		{"errors.pages", "", &pageFiles{p: &s.Errors.Pages},
			"Files that are sent as the content of errors, by status or class. The file's name says its type."},
		{"errors.upstream", "false", &toggle{p: &s.Errors.Upstream},
			"Errors of upstreams get these pages too, and not only those of the server."},
		{"maintenance.on", "false", &toggle{p: &s.Maintenance.On},
			"Every request is answered with 503."},
		{"maintenance.allow", "", prefixes(&s.Maintenance.Allow),
			"Clients that are served all the same."},
		{"maintenance.retry-after", "5m", &span{p: &s.Maintenance.RetryAfter, min: time.Second, max: maxTime},
			"When clients may try again; a part of a second counts as a whole one."},
		{"maintenance.page", "", &text{p: &s.Maintenance.Page, what: "a file", empty: "the page of 503 among errors.pages, or a plain one"},
			"What is sent as the content of the 503."},
	}
}

// maxSiteBody is beyond what max-body is set to: 1 TiB.
const maxSiteBody = 1 << 40

// validateRules reports through fail which rules do not go together.
func (s *Site) validateRules(given func(name string) bool, fail func(name, problem, allowed string)) {
	needs := func(name, other string) {
		if s.where[name] != "" && !given(other) {
			fail(name, "has no effect: there is no "+other, other+" beside it")
		}
	}
	for _, name := range []string{"allow", "basic-auth.users"} {
		if s.where[name] != "" && !given(name) {
			fail(name, "is empty, which would let everybody in", "a value, or no "+name)
		}
	}
	if from, ok := rules.Loop(s.Redirects); ok {
		fail("redirects", "lead from "+from+" in a circle", fmt.Sprintf("at most %d, which browsers follow", rules.MostFollowed))
	}
	needs("basic-auth.realm", "basic-auth.users")
	needs("basic-auth.pass", "basic-auth.users")
	needs("errors.upstream", "errors.pages")
	for _, both := range s.ResponseFields.both() {
		fail("response-headers.remove", "has "+both+", which is set", "each field in one of the two")
	}
	for _, both := range s.RequestFields.both() {
		fail("request-headers.remove", "has "+both+", which is set", "each field in one of the two")
	}
}

// both are the names that are set and removed.
func (f *SiteFields) both() (names []string) {
	for _, name := range f.Remove {
		if _, ok := f.Set[name]; ok {
			names = append(names, name)
		}
	}
	return names
}

// hasFiles reports whether the site's rules are in files, whose content may have
// changed though their names have not.
func (s *Site) hasFiles() bool {
	return s.Users.File != "" || len(s.Errors.Pages) > 0 || s.Maintenance.Page != ""
}

// ReadsFiles reports whether a site is made of more than its settings say: of files
// that may have another content by now.
func (s *Site) ReadsFiles() bool { return s.TLS.CA != "" || s.ClientCA != "" || s.hasFiles() }

// checkRules looks at the files of a site's rules.
func (f *fileCheck) checkRules(s *Site) {
	prefix := s.name + "."
	f.check(s.at, prefix, "basic-auth.users", s.Users.File, "a file whose lines are a name, a colon and a bcrypt hash", func(name string) error {
		text, err := ReadRegular(name)
		if err == nil {
			err = rules.CheckUsers(text)
		}
		return err
	})
	page := func(name string) error { _, err := f.pages.Read(name); return err }
	for _, status := range sortedKeys(s.Errors.Pages) {
		f.check(s.at, prefix, "errors.pages", s.Errors.Pages[status], wantPage, page)
	}
	f.check(s.at, prefix, "maintenance.page", s.Maintenance.Page, wantPage, page)
}
