package config

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ACME is how certificates are obtained (RFC 8555).
type ACME struct {
	Directory string // URL of the authority's directory; "": none are obtained
	Email     string // "" for none
	Storage   string // directory
	CAFile    string // PEM file of the certificates to trust; "": the system's
	Challenge string // auto, tls-alpn-01, http-01 or dns-01
	DNSHook   string // program, "" for none

	// External account binding, "" for none.
	EABKeyID, EABKeyFile string
}

// ACMENames are the names that certificates are to be obtained for, sorted: the
// hosts of sites without a certificate of their own. A host that is an address is
// left out. There are none without a directory.
func (c *Config) ACMENames() []string {
	var names []string
	if c.ACME.Directory == "" {
		return nil
	}
	for i := range c.Sites {
		s := &c.Sites[i]
		if !s.ACME || s.Cert != "" {
			continue
		}
		for _, host := range s.Hosts {
			if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil {
				names = append(names, host)
			}
		}
	}
	slices.Sort(names)
	return names
}

// acmeContradictions reports through fail what does not go together.
func (c *Config) acmeContradictions(fail func(key, value, problem, allowed string, beside ...string)) {
	a := &c.ACME
	if a.Directory != "" && a.Storage == "" {
		fail("acme-directory", a.Directory, "has nowhere to keep what it obtains", "an acme-storage beside it", "acme-storage")
	}
	if a.EABKeyID != "" && a.EABKeyFile == "" {
		fail("acme-eab-key-id", a.EABKeyID, "there is no acme-eab-key-file to it", "both together, or neither", "acme-eab-key-file")
	}
	if a.EABKeyFile != "" && a.EABKeyID == "" {
		fail("acme-eab-key-file", a.EABKeyFile, "there is no acme-eab-key-id to it", "both together, or neither", "acme-eab-key-id")
	}
	if a.Challenge == "dns-01" && a.DNSHook == "" {
		fail("acme-challenge", a.Challenge, "cannot be answered: there is no acme-dns-hook", "an acme-dns-hook beside it", "acme-dns-hook")
	}
	if a.Challenge == "http-01" && c.HTTPAddr == "" {
		fail("acme-challenge", a.Challenge, "cannot be answered: there is no http-addr", "an http-addr beside it, which the authority reaches on port 80", "http-addr")
	}
	if c.HTTPAddr != "" && !strings.HasSuffix(c.HTTPAddr, ":0") {
		switch c.HTTPAddr {
		case c.Listen:
			fail("http-addr", c.HTTPAddr, "is the address of listen", "an address of its own, or off", "listen")
		case c.Admin:
			fail("http-addr", c.HTTPAddr, "is the address of admin", "an address of its own, or off", "admin")
		}
	}
}

// unprovable warns of patterns that no certificate can be obtained for.
func (c *Config) unprovable(wrong map[string]bool) (all []*Error) {
	if c.ACME.DNSHook != "" || wrong["acme-dns-hook"] || wrong["acme-directory"] || wrong[sitesKey] {
		return nil
	}
	for _, name := range c.ACMENames() {
		if strings.HasPrefix(name, "*.") {
			all = append(all, &Error{c.at("acme-directory"), "acme-directory", c.ACME.Directory,
				"has no certificate for " + quote(name) + ": a pattern is proven by DNS alone", "an acme-dns-hook beside it, a cert, or acme: false for the site"})
		}
	}
	return all
}

// directoryURL is the URL of an authority's directory, or empty.
type directoryURL struct{ p *string }

func (v *directoryURL) set(s string) error {
	*v.p = s
	return v.check()
}

func (v *directoryURL) check() error {
	if *v.p == "" {
		return nil
	}
	u, err := url.Parse(*v.p)
	switch {
	case err != nil || u.Host == "":
		return errors.New("is not a URL")
	case u.Scheme != "https":
		return errors.New("is not https")
	case u.User != nil || u.Fragment != "":
		return errors.New("has more than a host, a path and a query")
	}
	return nil
}

func (v *directoryURL) String() string { return *v.p }
func (v *directoryURL) allowed() string {
	return "an https URL such as https://acme-v02.api.letsencrypt.org/directory, or empty (no certificates are obtained)"
}
func (v *directoryURL) candidates(s string) []string {
	return []string{"https://" + strings.TrimPrefix(s, "http://")}
}

// email is an address for mail, or empty.
type email struct{ p *string }

func (v *email) set(s string) error {
	*v.p = s
	return v.check()
}

func (v *email) check() error {
	if *v.p == "" {
		return nil
	}
	if a, err := mail.ParseAddress(*v.p); err != nil || a.Address != *v.p {
		return errors.New("is not an e-mail address")
	}
	return nil
}

func (v *email) String() string  { return *v.p }
func (v *email) allowed() string { return "an address such as admin@example.com, or empty (none)" }

const wantEABKey = "a file with one line, the key in base64url as the authority gives it"

// ReadEABKey reads the key of an external account binding, in base64url without
// padding.
func ReadEABKey(name string) (string, error) {
	data, err := ReadRegular(name)
	if err != nil {
		return "", err
	}
	key := strings.TrimRight(strings.TrimSpace(string(data)), "=")
	if raw, err := base64.RawURLEncoding.DecodeString(key); err != nil || len(raw) == 0 {
		return "", errors.New("is no key in base64url")
	}
	return key, nil
}

// checkStorage reports what keeps a directory from being one for what is obtained.
// It makes nothing.
func checkStorage(name string) error {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		name = filepath.Dir(filepath.Clean(name))
		info, err = os.Stat(name)
	}
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return errors.New("is not a directory")
	case !writable(name):
		return errors.New("cannot be written")
	}
	return nil
}

// checkProgram reports what keeps a program from being run.
func checkProgram(name string) error {
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		return errors.New("is a directory")
	}
	if err == nil {
		if _, err = exec.LookPath(name); err != nil {
			return fmt.Errorf("cannot be run: %w", cmp.Or(errors.Unwrap(err), err))
		}
	}
	return err
}
