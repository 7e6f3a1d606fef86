package main

import (
	"fmt"
	"os"
	"strings"
)

// sections are those of a page of the documentation that a run writes. Such a section is between
// markers, and everything else is written by hand.
type sections struct{ path string }

// write replaces a section.
func (p sections) write(section, text string) error {
	before, err := os.ReadFile(p.path)
	if err != nil {
		return err
	}
	after, err := replaceSection(string(before), section, text)
	if err != nil {
		return fmt.Errorf("%s: %w", p.path, err)
	}
	return os.WriteFile(p.path, []byte(after), 0o644)
}

// replaceSection replaces what is between the markers of a section.
func replaceSection(text, section, with string) (string, error) {
	begin := fmt.Sprintf("<!-- make bench writes %s -->\n", section)
	end := fmt.Sprintf("<!-- end of %s -->\n", section)
	head, rest, ok := strings.Cut(text, begin)
	if !ok {
		return "", fmt.Errorf("there is no %q", begin)
	}
	_, tail, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("there is no %q after %q", end, begin)
	}
	return head + begin + "\n" + strings.TrimSpace(with) + "\n\n" + end + tail, nil
}
