/** Why a start was refused, and which are free instead: both pages ask for it alike. */
import { graphql, type FragmentOf } from './graphql';

const NEAREST = graphql(`
  fragment Nearest on Slot {
    startUtc
    endUtc
    priceCents
    location {
      id
    }
    stylist {
      id
      name
    }
  }
`);

export const REFUSAL = graphql(
  `
    fragment Refusal on Problem {
      message
      ... on SlotTaken {
        nearest {
          ...Nearest
        }
      }
      ... on SlotNotOffered {
        nearest {
          ...Nearest
        }
      }
    }
  `,
  [NEAREST],
);

export type NearStart = FragmentOf<typeof NEAREST>;
