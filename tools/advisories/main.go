// Program advisories checks the findings of govulncheck for a module of this repository. Run it in
// the module's directory:
//
//	govulncheck -format json ./... | advisories
//
// It fails for every vulnerable version that the module requires, whether or not the code calls it,
// because scanners of go.mod files report these to users; advisories.json lists the exceptions. It
// ignores findings in the standard library, because users build with their own Go.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/mod/modfile"
)

func main() {
	if err := run(os.Stdin, os.Stdout, "go.mod"); err != nil {
		fmt.Fprintln(os.Stderr, "advisories:", err)
		os.Exit(1)
	}
}

// message has the fields of a govulncheck message that the program reads.
type message struct {
	Config  *struct{} `json:"config"`
	Finding *struct {
		OSV          string `json:"osv"`
		FixedVersion string `json:"fixed_version"`
		Trace        []struct {
			Module  string `json:"module"`
			Version string `json:"version"`
		} `json:"trace"`
	} `json:"finding"`
}

func run(in io.Reader, out io.Writer, modPath string) error {
	l, err := load()
	if err != nil {
		return err
	}
	mod, err := parseMod(modPath)
	if err != nil {
		return err
	}
	found, err := readFindings(in)
	if err != nil {
		return err
	}
	rejected := 0
	for _, f := range found {
		if a := l.accepts(f.id, f.version, mod.Go.Version); a != nil {
			fmt.Fprintf(out, "accepted: %s %s %s: %s\n", f.id, f.module, f.version, a.Why)
			continue
		}
		fmt.Fprintln(out, f)
		rejected++
	}
	if rejected > 0 {
		return fmt.Errorf("%s requires %d vulnerable versions", mod.Module.Mod.Path, rejected)
	}
	return nil
}

// readFindings parses the output of govulncheck, and returns each advisory of a module once.
func readFindings(in io.Reader) ([]finding, error) {
	var found []finding
	seen := map[finding]bool{}
	complete := false
	for dec := json.NewDecoder(in); ; {
		var m message
		if err := dec.Decode(&m); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("the output of govulncheck -format json: %w", err)
		}
		complete = complete || m.Config != nil
		if m.Finding == nil || len(m.Finding.Trace) == 0 || m.Finding.Trace[0].Module == "stdlib" {
			continue
		}
		f := finding{m.Finding.OSV, m.Finding.Trace[0].Module, m.Finding.Trace[0].Version, m.Finding.FixedVersion}
		if !seen[f] {
			seen[f] = true
			found = append(found, f)
		}
	}
	if !complete {
		return nil, errors.New("govulncheck wrote nothing; see its error above")
	}
	return found, nil
}

func parseMod(path string) (*modfile.File, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	mod, err := modfile.Parse(path, content, nil)
	if err != nil {
		return nil, err
	}
	if mod.Module == nil || mod.Go == nil {
		return nil, fmt.Errorf("%s has no module or go line", path)
	}
	return mod, nil
}
