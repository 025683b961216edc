package incidentd

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
)

// ackFor is how long a link in a page answers it.
const ackFor = 12 * time.Hour

// linkKeySize is how many bytes sign links.
const linkKeySize = 32

// link is the address of an incident, "" where nobody said how the service is reached.
func (p program) link(inc *incident.Incident) string {
	if p.incident.PublicURL == "" {
		return ""
	}
	return p.incident.PublicURL + "/v1/incidents/" + inc.Ref()
}

// ackLink is the link by which a person answers a page, "" where there is no way to it.
func (p program) ackLink(inc *incident.Incident, escalation, person string) string {
	if p.incident.PublicURL == "" {
		return ""
	}
	key, err := p.linkKey()
	if err != nil {
		p.log.Error("pages go out without a link to answer by", "err", err)
		return ""
	}
	return p.incident.PublicURL + incidentweb.AckLink{
		Incident: inc.ID, Escalation: escalation, Person: person, Expires: time.Now().Add(ackFor),
	}.Path(key)
}

// linkKey signs links: THERIAC_LINK_KEY, which processes on several machines share, or one that is made
// in the data directory when it is needed first.
func (p program) linkKey() ([]byte, error) {
	if p.incident.LinkKey != "" {
		sum := sha256.Sum256([]byte(p.incident.LinkKey))
		return sum[:], nil
	}
	file := filepath.Join(p.settings.DataDir, "link.key")
	key, err := os.ReadFile(file)
	if err == nil && len(key) == linkKeySize {
		return key, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the key of links: %w", err)
	}
	return makeLinkKey(file)
}

// makeLinkKey makes the file, or reads the one that another process made in the meantime.
func makeLinkKey(file string) ([]byte, error) {
	key := make([]byte, linkKeySize)
	_, _ = rand.Read(key) // it never fails
	next, err := os.CreateTemp(filepath.Dir(file), "link.key.*")
	if err != nil {
		return nil, fmt.Errorf("make the key of links: %w", err)
	}
	defer func() { _ = os.Remove(next.Name()) }()
	_, err = next.Write(key)
	if err = errors.Join(err, next.Sync(), next.Close()); err != nil {
		return nil, fmt.Errorf("make the key of links: %w", err)
	}
	// A link fails where the file is there by now, so of several who make it one wins.
	if err := os.Link(next.Name(), file); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("make the key of links: %w", err)
	}
	if key, err = os.ReadFile(file); err == nil && len(key) != linkKeySize {
		err = errors.New("it is damaged: delete it, and links in pages that were sent stop working")
	}
	return key, err
}
