package slackfake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Slack's limits, as it documents them.
const (
	maxText          = 40000 // of a message
	maxMessageBlocks = 50
	maxViewBlocks    = 100
	maxID            = 255 // block_id, action_id, callback_id
)

// block is what we know of a block.
type block struct {
	Type      string          `json:"type"`
	BlockID   string          `json:"block_id"`
	Text      *textObject     `json:"text"`
	Fields    []textObject    `json:"fields"`
	Elements  []element       `json:"elements"`
	Accessory *element        `json:"accessory"`
	Label     *textObject     `json:"label"`
	Hint      *textObject     `json:"hint"`
	Element   *element        `json:"element"`
	Optional  bool            `json:"optional"`
	ImageURL  string          `json:"image_url"`
	AltText   string          `json:"alt_text"`
	Title     json.RawMessage `json:"title"`
}

// textObject is a plain_text or mrkdwn text.
type textObject struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji *bool  `json:"emoji,omitempty"`
}

// element is something within a block. Its text is an object in buttons and a string in contexts.
type element struct {
	Type         string          `json:"type"`
	ActionID     string          `json:"action_id"`
	Text         json.RawMessage `json:"text"`
	URL          string          `json:"url"`
	Value        string          `json:"value"`
	Style        string          `json:"style"`
	Options      []option        `json:"options"`
	Placeholder  *textObject     `json:"placeholder"`
	InitialValue string          `json:"initial_value"`
	// What is chosen before anybody chooses.
	InitialOption  *option       `json:"initial_option"`
	InitialOptions []option      `json:"initial_options"`
	InitialUser    string        `json:"initial_user"`
	InitialUsers   []string      `json:"initial_users"`
	InitialDate    string        `json:"initial_date"`
	InitialTime    string        `json:"initial_time"`
	Multiline      bool          `json:"multiline"`
	MinLength      int           `json:"min_length"`
	MaxLength      int           `json:"max_length"`
	ImageURL       string        `json:"image_url"`
	AltText        string        `json:"alt_text"`
	Confirm        *confirmation `json:"confirm"`
}

type option struct {
	Text  textObject `json:"text"`
	Value string     `json:"value"`
}

type confirmation struct {
	Title   textObject `json:"title"`
	Text    textObject `json:"text"`
	Confirm textObject `json:"confirm"`
	Deny    textObject `json:"deny"`
}

// label returns the text of a button.
func (e element) label() textObject {
	var t textObject
	_ = json.Unmarshal(e.Text, &t)
	return t
}

// words returns the text of an element of a context.
func (e element) words() string {
	var s string
	_ = json.Unmarshal(e.Text, &s)
	return s
}

// initial is what an input holds before anybody fills it in; several are joined by commas.
func (e element) initial() string {
	several := e.InitialUsers
	for _, o := range e.InitialOptions {
		several = append(several, o.Value)
	}
	if e.InitialOption != nil {
		return e.InitialOption.Value
	}
	return cmp.Or(e.InitialValue, e.InitialUser, e.InitialDate, e.InitialTime, strings.Join(several, ","))
}

// Holds reports whether an input holds this value before anybody fills it in.
func (e element) Holds(value string) bool {
	return value != "" && slices.Contains(strings.Split(e.initial(), ","), value)
}

func runes(s string) int { return utf8.RuneCountInString(s) }

// checker collects what is wrong with blocks.
type checker struct {
	wrong []string
}

func (c *checker) bad(at, format string, args ...any) {
	if len(c.wrong) < 20 {
		c.wrong = append(c.wrong, fmt.Sprintf("[ERROR] %s [json-pointer:%s]", fmt.Sprintf(format, args...), at))
	}
}

func (c *checker) length(at, s string, least, most int) {
	if n := runes(s); n < least || n > most {
		c.bad(at, "must be between %d and %d characters, is %d", least, most, n)
	}
}

func (c *checker) text(at string, t *textObject, most int, kinds ...string) {
	if t == nil {
		c.bad(at, "missing required field: text")
		return
	}
	ok := false
	for _, kind := range kinds {
		ok = ok || t.Type == kind
	}
	if !ok {
		c.bad(at+"/type", "must be one of %s", strings.Join(kinds, ", "))
	}
	if t.Type == "mrkdwn" && t.Emoji != nil {
		c.bad(at+"/emoji", "mrkdwn takes no emoji field")
	}
	c.length(at+"/text", t.Text, 1, most)
}

// checkBlocks returns Slack's refusal of a list of blocks, nil if it takes them.
func checkBlocks(raw json.RawMessage, at string, most int) *refusal {
	if raw == nil {
		return nil
	}
	var list []block
	if err := json.Unmarshal(raw, &list); err != nil {
		return &refusal{code: "invalid_blocks_format"}
	}
	c := &checker{}
	if len(list) > most {
		c.bad(at, "no more than %d items allowed", most)
	}
	ids := map[string]bool{}
	for i, b := range list {
		here := fmt.Sprintf("%s/%d", at, i)
		c.block(here, b)
		if b.BlockID != "" && ids[b.BlockID] {
			c.bad(here+"/block_id", "block_id already exists")
		}
		ids[b.BlockID] = true
	}
	if c.wrong != nil {
		return &refusal{code: "invalid_blocks", messages: c.wrong}
	}
	return nil
}

func (c *checker) block(at string, b block) {
	c.length(at+"/block_id", b.BlockID, 0, maxID)
	switch b.Type {
	case "header":
		c.text(at+"/text", b.Text, 150, "plain_text")
	case "section":
		c.section(at, b)
	case "context":
		c.context(at, b)
	case "actions":
		c.actions(at, b)
	case "input":
		c.input(at, b)
	case "divider":
	case "image":
		c.length(at+"/image_url", b.ImageURL, 1, 3000)
		c.length(at+"/alt_text", b.AltText, 1, 2000)
	default:
		c.bad(at+"/type", "unsupported type: %.40s", b.Type)
	}
}

func (c *checker) section(at string, b block) {
	if b.Text == nil && len(b.Fields) == 0 {
		c.bad(at, "must have text or fields")
	}
	if b.Text != nil {
		c.text(at+"/text", b.Text, 3000, "mrkdwn", "plain_text")
	}
	if len(b.Fields) > 10 {
		c.bad(at+"/fields", "no more than 10 items allowed")
	}
	for i := range b.Fields {
		c.text(fmt.Sprintf("%s/fields/%d", at, i), &b.Fields[i], 2000, "mrkdwn", "plain_text")
	}
	if b.Accessory != nil {
		c.element(at+"/accessory", *b.Accessory)
	}
}

func (c *checker) context(at string, b block) {
	if len(b.Elements) == 0 || len(b.Elements) > 10 {
		c.bad(at+"/elements", "must have between 1 and 10 items")
	}
	for i, e := range b.Elements {
		here := fmt.Sprintf("%s/elements/%d", at, i)
		switch e.Type {
		case "mrkdwn", "plain_text":
			c.length(here+"/text", e.words(), 1, 3000)
		case "image":
			c.length(here+"/image_url", e.ImageURL, 1, 3000)
			c.length(here+"/alt_text", e.AltText, 1, 2000)
		default:
			c.bad(here+"/type", "unsupported type: %.40s", e.Type)
		}
	}
}

func (c *checker) actions(at string, b block) {
	if len(b.Elements) == 0 || len(b.Elements) > 25 {
		c.bad(at+"/elements", "must have between 1 and 25 items")
	}
	ids := map[string]bool{}
	for i, e := range b.Elements {
		here := fmt.Sprintf("%s/elements/%d", at, i)
		c.element(here, e)
		if e.ActionID != "" && ids[e.ActionID] {
			c.bad(here+"/action_id", "action_id already exists in this block")
		}
		ids[e.ActionID] = true
	}
}

func (c *checker) input(at string, b block) {
	c.text(at+"/label", b.Label, 2000, "plain_text")
	if b.Hint != nil {
		c.text(at+"/hint", b.Hint, 2000, "plain_text")
	}
	if b.Element == nil {
		c.bad(at+"/element", "missing required field: element")
		return
	}
	c.element(at+"/element", *b.Element)
}

// element checks what a person can use.
func (c *checker) element(at string, e element) {
	c.length(at+"/action_id", e.ActionID, 0, maxID)
	if e.Placeholder != nil {
		c.text(at+"/placeholder", e.Placeholder, 150, "plain_text")
	}
	switch e.Type {
	case "button":
		t := e.label()
		c.text(at+"/text", &t, 75, "plain_text")
		c.length(at+"/value", e.Value, 0, 2000)
		c.length(at+"/url", e.URL, 0, 3000)
		if e.Style != "" && e.Style != "primary" && e.Style != "danger" {
			c.bad(at+"/style", "must be primary or danger")
		}
	case "overflow":
		c.options(at, e.Options, 5)
	case "static_select", "radio_buttons", "checkboxes":
		most := 10
		if e.Type == "static_select" {
			most = 100
		}
		c.options(at, e.Options, most)
	case "users_select", "multi_users_select", "conversations_select", "channels_select", "datepicker", "timepicker":
	case "plain_text_input", "url_text_input", "number_input", "email_text_input":
		if e.MaxLength < 0 || e.MaxLength > 3000 || e.MinLength < 0 || e.MinLength > 3000 {
			c.bad(at, "min_length and max_length must be at most 3000")
		}
	case "image":
		c.length(at+"/image_url", e.ImageURL, 1, 3000)
		c.length(at+"/alt_text", e.AltText, 1, 2000)
	default:
		c.bad(at+"/type", "unsupported type: %.40s", e.Type)
	}
	if e.Confirm != nil {
		c.text(at+"/confirm/title", &e.Confirm.Title, 100, "plain_text")
		c.text(at+"/confirm/text", &e.Confirm.Text, 300, "plain_text", "mrkdwn")
		c.text(at+"/confirm/confirm", &e.Confirm.Confirm, 30, "plain_text")
		c.text(at+"/confirm/deny", &e.Confirm.Deny, 30, "plain_text")
	}
}

func (c *checker) options(at string, options []option, most int) {
	if len(options) == 0 || len(options) > most {
		c.bad(at+"/options", "must have between 1 and %d items", most)
	}
	for i, o := range options {
		here := fmt.Sprintf("%s/options/%d", at, i)
		c.text(here+"/text", &o.Text, 75, "plain_text", "mrkdwn")
		c.length(here+"/value", o.Value, 0, 150)
	}
}

// withIDs returns blocks with an id for each that had none, as Slack gives them.
func withIDs(raw json.RawMessage, serial *int) json.RawMessage {
	var list []map[string]json.RawMessage
	if raw == nil || json.Unmarshal(raw, &list) != nil {
		return raw
	}
	for _, b := range list {
		if _, ok := b["block_id"]; !ok {
			*serial++
			b["block_id"] = encode(fmt.Sprintf("auto%d", *serial))
		}
	}
	return encode(list)
}

// decodeBlocks returns blocks that have been checked before.
func decodeBlocks(raw json.RawMessage) []block {
	var list []block
	_ = json.Unmarshal(raw, &list)
	return list
}
