// Package quarantinetest is the test kit of the quarantine room: a store in
// memory that really works ([NewStore]), the promises of [quarantine.Store] as
// tests that every store passes ([RunStoreTests]), and hostile bytes to try
// anything with ([HostileBytes]).
package quarantinetest
