package model

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	rules "github.com/grpcservice/grpcservice/runtime/policy"
)

// Comment is the comment of a declaration in a proto, for programs that describe it at run time:
// descriptors in programs have no comments.
type Comment struct {
	Name string // the full name of the declaration
	Text string
}

// Limits of the comments in generated code, in bytes.
const (
	maxFieldComment    = 512       // of a message, a field or an enum value
	maxServiceComments = 64 * 1024 // of a service
)

// toolComments returns the comments of the RPCs of a service that are tools, and those of the
// messages that their requests and responses hold. Messages that are closer to an RPC come first,
// because beyond the maximum the others have no comment.
func (b *builder) toolComments(svc *protogen.Service) []Comment {
	c := commenter{
		request: b.request, seen: make(map[protoreflect.FullName]bool), described: make(map[protoreflect.FullName]bool),
	}
	for _, m := range svc.Methods {
		decision, _ := b.decisionOf(m.Desc)
		if decision.Policy.Tool.Name == "" {
			continue
		}
		if decision.Policy.Tool.Description == "" {
			text := strings.Join(docOf(m.Comments), "\n")
			c.add(m.Desc.FullName(), cut(text, rules.MaxToolDescription))
		}
		c.reach(m.Input.Desc, m.Output.Desc)
		if match, ok := decision.Found.Match("operation"); ok {
			result, _ := match.Found.Fields()["response_type"].(string)
			if of := b.messages[protoreflect.FullName(result)]; of != nil {
				c.reach(of.Desc)
			}
		}
	}
	for ; len(c.queue) > 0; c.queue = c.queue[1:] {
		c.message(c.queue[0])
	}
	return c.comments
}

// commenter collects comments.
type commenter struct {
	*request
	comments []Comment
	size     int
	queue    []protoreflect.MessageDescriptor
	seen     map[protoreflect.FullName]bool
	// described are the messages whose comments were added.
	described map[protoreflect.FullName]bool
}

// add adds a comment, unless there are enough.
func (c *commenter) add(name protoreflect.FullName, text string) {
	size := len(name) + len(text)
	if text == "" || c.size+size > maxServiceComments {
		return
	}
	c.size += size
	c.comments = append(c.comments, Comment{string(name), text})
}

// reach adds messages to the queue. Those of protobuf itself have a form of their own in JSON.
func (c *commenter) reach(messages ...protoreflect.MessageDescriptor) {
	for _, m := range messages {
		if !c.seen[m.FullName()] && m.FullName().Parent() != "google.protobuf" {
			c.seen[m.FullName()] = true
			c.queue = append(c.queue, m)
		}
	}
}

// message adds the comments of a message and of its fields.
func (c *commenter) message(desc protoreflect.MessageDescriptor) {
	message := c.messages[desc.FullName()]
	if message == nil {
		return
	}
	for _, field := range message.Fields {
		c.add(field.Desc.FullName(), summary(field.Comments))
		switch {
		case field.Message != nil:
			c.describe(field.Message)
			c.reach(field.Message.Desc)
		case field.Enum != nil && !c.seen[field.Enum.Desc.FullName()]:
			c.seen[field.Enum.Desc.FullName()] = true
			c.enum(field.Enum)
		}
	}
}

// describe adds the comment of a message that is the type of a field.
func (c *commenter) describe(message *protogen.Message) {
	name := message.Desc.FullName()
	if !c.described[name] && name.Parent() != "google.protobuf" {
		c.described[name] = true
		c.add(name, summary(message.Comments))
	}
}

// enum adds the comments of an enum and of its values.
func (c *commenter) enum(enum *protogen.Enum) {
	c.add(enum.Desc.FullName(), summary(enum.Comments))
	for _, value := range enum.Values {
		c.add(value.Desc.FullName(), summary(value.Comments))
	}
}

// summary returns the first paragraph of a comment on one line.
func summary(comments protogen.CommentSet) string {
	var text []string
	for _, line := range docOf(comments) {
		if line == "" {
			break
		}
		text = append(text, strings.TrimSpace(line))
	}
	return cut(strings.Join(text, " "), maxFieldComment)
}

// cut shortens a text to at most so many bytes.
func cut(text string, most int) string {
	const rest = "…"
	if len(text) <= most {
		return text
	}
	end := most - len(rest)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + rest
}
