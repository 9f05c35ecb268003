package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/server/config"
)

// debianFiles are what a Debian package has beside what an archive has.
//
//go:embed debian
var debianFiles embed.FS

// debianControl is the head of each package. A kernel and systemd are all that the
// programs need: kill is the unit's, for a reload.
const debianControl = `Package: hotpath
Version: %s
Architecture: %s
Maintainer: %s
Section: web
Priority: optional
Homepage: https://github.com/e0ac7cd4/hotpath
Depends: procps
Recommends: systemd (>= 250), ca-certificates
Description: HTTPS edge server with a cache, and its load generator
 hotpath answers HTTP/1.1 and HTTP/2 from memory, in front of a directory or of
 other servers. Its configuration is reloaded and its program replaced without a
 request that fails.
`

// Places on a Debian system.
const (
	debianConfig = "etc/hotpath/hotpath.yaml"
	debianUnits  = "usr/lib/systemd/system/"
	debianDoc    = "usr/share/doc/hotpath/"
)

// debianMaintainer is who to write to, in the form of RFC 5322.
const debianMaintainer = "the hotpath maintainers <e0ac7cd4@users.noreply.github.com>"

// debianChangelog is of the form that Debian's tools read; CHANGELOG.md has what is
// in it.
const debianChangelog = `hotpath (%s) unstable; urgency=medium

  * What has changed is in /usr/share/doc/hotpath/CHANGELOG.md.

 -- %s  %s
`

// writeDebs writes a Debian package for every Linux platform among binaries.
func writeDebs(dir string, r release, binaries []binary) error {
	version := debianVersion(r.version)
	common, err := debianCommon(version, r.created)
	if err != nil {
		return fmt.Errorf("making the Debian packages: %w", err)
	}
	scripts, err := debianScripts()
	if err != nil {
		return fmt.Errorf("making the Debian packages: %w", err)
	}
	byPlatform := make(map[platform][]entry)
	for _, b := range binaries {
		if b.os == "linux" {
			byPlatform[b.platform] = append(byPlatform[b.platform], entry{"usr/bin/" + debianProgram(b.program), true, b.content})
		}
	}
	for p, files := range byPlatform {
		packed, err := deb{
			control:  fmt.Sprintf(debianControl, version, p.arch, debianMaintainer), // Go's architectures are Debian's
			scripts:  scripts,
			files:    append(files, common...),
			keep:     []string{debianConfig},
			modified: r.created,
		}.encode()
		if err != nil {
			return fmt.Errorf("making the Debian package for %s: %w", p, err)
		}
		if err := os.WriteFile(filepath.Join(dir, server+"_"+version+"_"+p.arch+".deb"), packed, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// debianProgram is what a program is called among all others of a system.
func debianProgram(name string) string {
	if name == server {
		return name
	}
	return server + "-" + name
}

// debianScripts are what the package manager runs.
func debianScripts() (scripts []entry, err error) {
	for _, name := range []string{"postinst", "prerm", "postrm"} {
		content, err := debianFiles.ReadFile("debian/" + name)
		if err != nil {
			return nil, err
		}
		scripts = append(scripts, entry{name, true, content})
	}
	return scripts, nil
}

// debianCommon are the files that are the same on each platform.
func debianCommon(version string, created time.Time) (files []entry, err error) {
	add := func(name string, content []byte) { files = append(files, entry{name: name, content: content}) }
	sources := make(map[string]string)
	for _, name := range documents {
		content, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			return nil, fmt.Errorf("%w; run this at the repository's root", err)
		}
		sources[name] = string(content)
		if name != "LICENSE" { // which is in the package's copyright
			add(debianDoc+name, content)
		}
	}
	for _, unit := range []string{"hotpath.service", "hotpath.socket"} {
		text, err := debianUnit(sources["examples/"+unit])
		if err != nil {
			return nil, fmt.Errorf("examples/%s: %w", unit, err)
		}
		add(debianUnits+unit, []byte(text))
	}
	const schema = "$schema="
	add(debianConfig, []byte(strings.Replace(sources["examples/hotpath.yaml"], schema, schema+"/"+debianDoc+"examples/", 1)))
	for name, to := range map[string]string{"copyright": debianDoc + "copyright", "lintian-overrides": "usr/share/lintian/overrides/hotpath"} {
		content, err := debianFiles.ReadFile("debian/" + name)
		if err != nil {
			return nil, err
		}
		add(to, content)
	}
	var man bytes.Buffer
	if err := config.WriteMan(&man); err != nil {
		return nil, err
	}
	changelog := fmt.Appendf(nil, debianChangelog, version, debianMaintainer, created.Format(time.RFC1123Z))
	for name, text := range map[string][]byte{debianDoc + "changelog.gz": changelog, "usr/share/man/man1/hotpath.1.gz": man.Bytes()} {
		packed, err := compress(text)
		if err != nil {
			return nil, err
		}
		add(name, packed)
	}
	for shell, name := range map[string]string{
		"bash": "usr/share/bash-completion/completions/hotpath",
		"zsh":  "usr/share/zsh/vendor-completions/_hotpath",
		"fish": "usr/share/fish/vendor_completions.d/hotpath.fish",
	} {
		var script, complaints bytes.Buffer
		if config.Completion([]string{shell}, &script, &complaints) != 0 {
			return nil, fmt.Errorf("the completions for %s: %s", shell, complaints.String())
		}
		add(name, script.Bytes())
	}
	return files, nil
}

// debianUnit is a unit of examples as a package has it: without the lines that say
// how it is installed, and with the place of the package's program.
func debianUnit(text string) (string, error) {
	head, unit, ok := strings.Cut(text, "[Unit]\n")
	if !ok || !strings.HasPrefix(head, "#") {
		return "", errors.New("it does not begin with a comment and [Unit]")
	}
	return "# Of the package hotpath. Changes belong in a file of your own: systemctl edit.\n[Unit]\n" +
		strings.ReplaceAll(unit, "/usr/local/bin/", "/usr/bin/"), nil
}
