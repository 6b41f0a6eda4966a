package send

// PingSchema is the schema of a parcel that holds no result: somebody tries whether a destination can be reached and whether its
// secret fits. It is signed and sent like any other; its id begins with "ping-". A receiver answers it and keeps nothing.
const PingSchema = "natlims.ping/v1"
