/** All that the booking page asks and says. GraphiQL shows the same. */
import { graphql } from '../client/graphql';

export const SALON = graphql(`
  query Salon {
    tenant {
      slug
      name
      currency
      timezone
    }
    locations {
      id
      name
      timezone
    }
    services {
      id
      name
      durationMinutes
      priceCents
      horizonDays
      offerings {
        durationMinutes
        priceCents
        stylist {
          id
        }
      }
    }
    stylists {
      id
      name
      locations {
        id
      }
    }
  }
`);
