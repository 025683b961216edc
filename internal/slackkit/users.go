package slackkit

import (
	"context"
	"errors"
	"net/url"
	"time"
)

// User is somebody in the workspace. Everything but ID was chosen by people.
type User struct {
	ID, TeamID string
	// Name is the short name, RealName the one in the profile.
	Name, RealName string
	// Email is empty without the scope users:read.email.
	Email string
	// TimeZone is a name such as "Europe/Amsterdam", "" if Slack does not know; see [User.Location].
	TimeZone string
	// Offset is how far that zone is ahead of UTC now.
	Offset time.Duration
	// Bot and Deleted are no person, and somebody who has left.
	Bot, Deleted bool
}

// Location returns the user's time zone, by its name if this machine knows it, by its offset otherwise.
func (u User) Location() *time.Location {
	if u.TimeZone != "" && u.TimeZone != "Local" && len(u.TimeZone) < 64 {
		if zone, err := time.LoadLocation(u.TimeZone); err == nil {
			return zone
		}
	}
	if u.Offset == 0 || u.Offset.Abs() > 24*time.Hour {
		return time.UTC
	}
	return time.FixedZone("", int(u.Offset.Seconds()))
}

type aboutUser struct {
	User struct {
		ID       string `json:"id"`
		TeamID   string `json:"team_id"`
		Name     string `json:"name"`
		RealName string `json:"real_name"`
		Deleted  bool   `json:"deleted"`
		Bot      bool   `json:"is_bot"`
		Zone     string `json:"tz"`
		Offset   int64  `json:"tz_offset"`
		Profile  struct {
			Email    string `json:"email"`
			RealName string `json:"real_name"`
		} `json:"profile"`
	} `json:"user"`
}

// UserByEmail returns who has an address; [ErrUserNotFound] if nobody has. It needs users:read.email.
func (c *Client) UserByEmail(ctx context.Context, email string) (User, error) {
	return c.user(ctx, "users.lookupByEmail", url.Values{"email": {email}})
}

// UserInfo returns who has an id; [ErrUserNotFound] if nobody has. It needs users:read.
func (c *Client) UserInfo(ctx context.Context, id string) (User, error) {
	return c.user(ctx, "users.info", url.Values{"user": {id}})
}

func (c *Client) user(ctx context.Context, method string, form url.Values) (User, error) {
	var got aboutUser
	if err := c.read(ctx, method, form, &got); err != nil {
		return User{}, err
	}
	w := got.User
	if w.ID == "" {
		return User{}, &RetryError{Method: method, Err: errors.New("answer does not say which user")}
	}
	u := User{ID: w.ID, TeamID: w.TeamID, Name: w.Name, RealName: w.RealName, Email: w.Profile.Email, TimeZone: w.Zone, Bot: w.Bot, Deleted: w.Deleted}
	if u.RealName == "" {
		u.RealName = w.Profile.RealName
	}
	if day := int64(24 * 60 * 60); w.Offset >= -day && w.Offset <= day {
		u.Offset = time.Duration(w.Offset) * time.Second
	}
	return u, nil
}

// OpenTalk returns the id of the channel in which the app and one user write to each other, which is made
// if it is not there. To repeat it is harmless. It needs im:write.
func (c *Client) OpenTalk(ctx context.Context, user string) (string, error) {
	const method = "conversations.open"
	made, err := c.changeChannel(ctx, method, struct {
		Users string `json:"users"`
	}{user})
	return made.ID, err
}
