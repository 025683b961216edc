package slackfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// saveEvery is how long changes may wait to be saved.
const saveEvery = 200 * time.Millisecond

// snapshot is what is kept over restarts. Clicks that wait for an answer are not.
type snapshot struct {
	Version    int
	Serial     int
	LastTS     time.Time
	Channels   []savedChannel
	Ephemerals []Ephemeral
	Views      []savedView
}

type savedChannel struct {
	Channel
	Messages []*Message
}

type savedView struct {
	View
	Hash int
}

// begin reads the saved workspace, and adds the channels of the config that it lacks.
func (s *Server) begin() error {
	if s.cfg.StateFile != "" {
		if err := s.load(); err != nil {
			return fmt.Errorf("fake Slack: read what was kept: %w", err)
		}
		s.saving = make(chan struct{}, 1)
		s.serving.Go(s.saveChanges)
	}
	for _, c := range s.cfg.Channels {
		if s.byID[c.ID] == nil {
			s.addLocked(c)
		}
	}
	return nil
}

func (s *Server) load() error {
	data, err := os.ReadFile(s.cfg.StateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var kept snapshot
	if err := json.Unmarshal(data, &kept); err != nil {
		return fmt.Errorf("%s: %w", s.cfg.StateFile, err)
	}
	if kept.Version != 1 {
		return fmt.Errorf("%s is of version %d, want 1", s.cfg.StateFile, kept.Version)
	}
	s.serial, s.lastTS, s.ephemerals = kept.Serial, kept.LastTS, kept.Ephemerals
	for _, c := range kept.Channels {
		s.addLocked(c.Channel).messages = c.Messages
	}
	for _, v := range kept.Views {
		v.hash = v.Hash
		s.views = append(s.views, &v.View)
	}
	return nil
}

// saveChanges saves now and then what changes, until the end; Close saves the rest.
func (s *Server) saveChanges() {
	for {
		select {
		case <-s.saving:
		case <-s.closed:
			return
		}
		pause := time.NewTimer(saveEvery)
		select {
		case <-pause.C:
		case <-s.closed:
			pause.Stop()
			return
		}
		err := s.save()
		s.mu.Lock()
		s.unsaved = err
		s.mu.Unlock()
	}
}

// Saved returns why the workspace could not be saved the last time, nil if it was.
func (s *Server) Saved() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsaved
}

// save writes the workspace into its file, at once or not at all.
func (s *Server) save() error {
	if s.saving == nil {
		return nil
	}
	s.mu.Lock()
	kept := snapshot{Version: 1, Serial: s.serial, LastTS: s.lastTS, Ephemerals: s.ephemerals}
	for _, c := range s.channels {
		kept.Channels = append(kept.Channels, savedChannel{c.Channel, c.messages})
	}
	for _, v := range s.views {
		kept.Views = append(kept.Views, savedView{*v, v.hash})
	}
	data, err := json.Marshal(kept)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return replaceFile(s.cfg.StateFile, data)
}

// replaceFile writes a file beside the old one and puts it into its place.
func replaceFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
