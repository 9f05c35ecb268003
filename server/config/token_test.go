package config

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestAdminToken(t *testing.T) {
	const token = "0123456789abcdef"
	for _, tt := range []struct {
		name, content string
		want, problem string
	}{
		{"a line", token + "\n", token, ""},
		{"without its end", token, token, ""},
		{"from Windows", token + "\r\n", token, ""},
		{"the longest", strings.Repeat("x", maxToken) + "\r\n", strings.Repeat("x", maxToken), ""},
		{"empty", "", "", "too short"},
		{"short", token[1:] + "\n", "", "too short"},
		{"long", strings.Repeat("x", maxToken+1), "", "too long"},
		{"a space", token + " x\n", "", "visible ASCII"},
		{"two lines", token + "\n" + token + "\n", "", "visible ASCII"},
		{"not ASCII", token + "é\n", "", "visible ASCII"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "token")
			writeFile(t, name, []byte(tt.content))
			c := Config{AdminTokenFile: name}
			got, err := c.AdminToken()
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			var e *Error
			switch {
			case tt.problem == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.problem == "":
			case !errors.As(err, &e) || e.Key != "admin-token-file" || !strings.Contains(e.Problem, tt.problem):
				t.Errorf("got %v, want an error that says %q", err, tt.problem)
			case strings.Contains(err.Error(), token):
				t.Errorf("the token is in the message: %v", err)
			}
			if checked := c.checkFiles(nil).orNil(); (checked == nil) != (err == nil) {
				t.Errorf("checkFiles: %v, AdminToken: %v", checked, err)
			}
		})
	}
	if got, err := (Config{}).AdminToken(); got != "" || err != nil {
		t.Errorf("without a file: %q, %v", got, err)
	}
	if _, err := (Config{AdminTokenFile: "/nowhere/token"}).AdminToken(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("with a file that is not there: %v", err)
	}
}
