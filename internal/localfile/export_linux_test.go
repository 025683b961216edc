package localfile

// RefuseType is refuseType.
var RefuseType = refuseType
