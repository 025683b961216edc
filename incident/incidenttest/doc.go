// Package incidenttest is the test kit of the incident room: a store in memory that really works
// ([NewStore]) with a clock that can be set ([Clock]), the promises of [incident.Stores] as tests that
// every store passes ([RunStoreTests]), and hostile texts to try anything with ([HostileTexts]).
package incidenttest
