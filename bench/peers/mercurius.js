// Mercurius with jit over a Map: node mercurius.js VALUES.json. It says where it listens, as all peers do.
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import mercurius from 'mercurius'

// The served schema as far as it is asked. Instants are texts already, so that no scalar needs serializing.
const schema = `
  scalar Date
  enum Freshness { VERIFIED CACHED BYPASS }
  enum SlotStatus { AVAILABLE HELD BOOKED UNAVAILABLE }
  enum CacheSource { MEMORY REDIS DATABASE }
  type Slot {
    startUtc: String! endUtc: String! startLocal: String! endLocal: String!
    display: String! status: SlotStatus! isAvailable: Boolean! priceCents: Int!
  }
  type CacheInfo {
    hit: Boolean! source: CacheSource! verified: Boolean! version: String!
    computedAt: String! expiresAt: String! ageSeconds: Float!
  }
  type Availability { date: String! timezone: String! slots: [Slot!]! cache: CacheInfo! }
  type Stylist {
    id: ID! name: String!
    availability(serviceId: ID!, from: Date!, to: Date!, freshness: Freshness = VERIFIED): [Availability!]!
  }
  type Query {
    availableSlots(stylistId: ID!, serviceId: ID!, date: Date!, freshness: Freshness = VERIFIED): Availability!
    stylist(id: ID!): Stylist
    stylists(ids: [ID!]): [Stylist!]!
  }
`

const values = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const stylists = new Map(values.stylists.map((stylist) => [stylist.id, stylist]))
const days = new Map(Object.entries(values.days))
const DAY_MS = 86_400_000

function* dates(from, to) {
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY_MS) yield new Date(at).toISOString().slice(0, 10)
}

const resolvers = {
  Query: {
    availableSlots: (_, { stylistId, serviceId, date }) => days.get(`${stylistId} ${serviceId} ${date}`),
    stylist: (_, { id }) => stylists.get(id),
    stylists: (_, { ids }) => values.stylists.filter((stylist) => ids.includes(stylist.id)),
  },
  Stylist: {
    availability: ({ id }, { serviceId, from, to }) =>
      Array.from(dates(from, to), (date) => days.get(`${id} ${serviceId} ${date}`)),
  },
}

const app = Fastify({ logger: false })
app.register(mercurius, { schema, resolvers, jit: 1 })
console.log(`Mercurius listens on ${await app.listen({ host: '127.0.0.1', port: 0 })}/graphql`)
