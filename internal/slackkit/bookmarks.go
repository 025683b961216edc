package slackkit

import (
	"context"
	"errors"
	"net/url"
)

// Bookmark is a link at the top of a channel.
type Bookmark struct {
	ID, Title, Link string
}

type wireBookmark struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Link  string `json:"link"`
}

// AddBookmark puts a link at the top of a channel. Slack takes the same one twice, so after an error that
// is [InDoubt] look with [Client.ListBookmarks] first. A channel holds 100.
func (c *Client) AddBookmark(ctx context.Context, channel, title, link string) (Bookmark, error) {
	const method = "bookmarks.add"
	payload := struct {
		Channel string `json:"channel_id"`
		Title   string `json:"title"`
		Type    string `json:"type"`
		Link    string `json:"link"`
	}{channel, title, "link", link}
	var got struct {
		Bookmark wireBookmark `json:"bookmark"`
	}
	_, err := c.call(ctx, request{method: method, token: c.token, lane: method, patient: c.maxWait, payload: payload, into: &got})
	switch {
	case err != nil:
		return Bookmark{}, err
	case got.Bookmark.ID == "":
		return Bookmark{}, &RetryError{Method: method, Maybe: true, Err: errors.New("answer does not say which bookmark")}
	default:
		return Bookmark(got.Bookmark), nil
	}
}

// ListBookmarks returns the links at the top of a channel, in their order. Titles and links were written by
// people.
func (c *Client) ListBookmarks(ctx context.Context, channel string) ([]Bookmark, error) {
	var got struct {
		Bookmarks []wireBookmark `json:"bookmarks"`
	}
	if err := c.read(ctx, "bookmarks.list", url.Values{"channel_id": {channel}}, &got); err != nil {
		return nil, err
	}
	var all []Bookmark
	for _, one := range got.Bookmarks {
		all = append(all, Bookmark(one))
	}
	return all, nil
}

// Pin keeps a message at hand in its channel. [ErrAlreadyPinned] is as good as success.
func (c *Client) Pin(ctx context.Context, p Place) error {
	_, err := c.do(ctx, "pins.add", struct {
		Channel string `json:"channel"`
		TS      string `json:"timestamp"`
	}{p.Channel, p.TS})
	return err
}
