package gen

import (
	"bytes"
	"errors"
	"fmt"
	"go/scanner"
	"strings"
	"text/template/parse"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// blame returns an error that locates the template code whose output does not parse. The error
// starts with the position in the template and ends with the generated line. To find the position,
// blame renders the file again, with templates that write position marks.
func (t *Templates) blame(file string, text []byte, cause error, write func(*Templates) ([]byte, error)) error {
	plain := fmt.Errorf("%s: the generated code does not parse: %w", file, cause)
	var faults scanner.ErrorList
	if !errors.As(cause, &faults) || len(faults) == 0 {
		return plain
	}
	traced, err := write(&Templates{trees: t.marked()})
	if err != nil {
		return plain
	}
	fault := faults[0]
	place := placeAt(traced, fault.Pos.Offset)
	if place == "" {
		return plain
	}
	return fmt.Errorf("%s: its output does not parse at line %d of %s: %s: %q", place, fault.Pos.Line, file, fault.Msg,
		lineAt(text, fault.Pos.Line))
}

// lineAt returns a line of text without surrounding space, or "" if there is no such line. Numbers
// start at 1.
func lineAt(text []byte, number int) string {
	lines := bytes.Split(text, []byte("\n"))
	if number < 1 || number > len(lines) {
		return ""
	}
	return string(bytes.TrimSpace(lines[number-1]))
}

// mark matches a position mark in the output of a marked template.
var mark = lazyregexp.New("\x00at ([^\x00]*)\x00")

// placeAt returns the position in the last mark at or before offset, which counts the bytes of the
// text without marks.
func placeAt(traced []byte, offset int) (place string) {
	marks := 0
	for _, m := range mark.FindAllSubmatchIndex(traced, -1) {
		if m[0]-marks > offset {
			break
		}
		place = string(traced[m[2]:m[3]])
		marks += m[1] - m[0]
	}
	return place
}

// marked returns a copy of the templates that writes a position mark before each piece of output.
func (t *Templates) marked() map[string]*parse.Tree {
	marked := make(map[string]*parse.Tree)
	for name, tree := range t.trees {
		marked[name] = tree.Copy()
		markList(marked[name], marked[name].Root)
	}
	return marked
}

// markList inserts a mark before each line of text and each action in list and in the lists nested
// in it.
func markList(tree *parse.Tree, list *parse.ListNode) {
	if list == nil {
		return
	}
	var nodes []parse.Node
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.TextNode:
			nodes = append(nodes, markLines(tree, n)...)
			continue
		case *parse.ActionNode:
			nodes = append(nodes, markOf(tree, n))
		case *parse.IfNode:
			markBranch(tree, &n.BranchNode)
		case *parse.WithNode:
			markBranch(tree, &n.BranchNode)
		case *parse.RangeNode:
			markBranch(tree, &n.BranchNode)
		}
		nodes = append(nodes, node)
	}
	list.Nodes = nodes
}

func markBranch(tree *parse.Tree, b *parse.BranchNode) {
	markList(tree, b.List)
	markList(tree, b.ElseList)
}

// markLines splits text into lines and puts a mark before each.
func markLines(tree *parse.Tree, text *parse.TextNode) (nodes []parse.Node) {
	at := text.Pos
	for line := range strings.Lines(string(text.Text)) {
		piece := &parse.TextNode{NodeType: parse.NodeText, Pos: at, Text: []byte(line)}
		nodes = append(nodes, &parse.TextNode{NodeType: parse.NodeText, Pos: at, Text: markText(tree, piece)}, piece)
		at += parse.Pos(len(line))
	}
	return nodes
}

func markOf(tree *parse.Tree, node parse.Node) parse.Node {
	return &parse.TextNode{NodeType: parse.NodeText, Pos: node.Position(), Text: markText(tree, node)}
}

func markText(tree *parse.Tree, node parse.Node) []byte {
	return fmt.Appendf(nil, "\x00at %s\x00", positionOf(tree, node))
}
