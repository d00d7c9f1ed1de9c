// What a Relay application asks: a page that goes on, a record that is fetched again, a mutation, and a subscription.
import { graphql } from 'relay-runtime';

export const towns = graphql`
  query TownsQuery($count: Int!, $cursor: String) {
    ...Towns_list
  }
`;

export const list = graphql`
  fragment Towns_list on Query @refetchable(queryName: "TownsPaginationQuery") {
    municipalities(first: $count, after: $cursor) @connection(key: "Towns_municipalities") {
      edges { node { ...Towns_town } }
    }
  }
`;

export const town = graphql`
  fragment Towns_town on Municipality @refetchable(queryName: "TownsRefetchQuery") {
    id
    name
    population
  }
`;

export const register = graphql`
  mutation TownsRegisterMutation($input: RegisterInput!) {
    register(input: $input) {
      registration { id status }
      userErrors { code message field }
    }
  }
`;

export const progress = graphql`
  subscription TownsProgressSubscription($id: ID!) {
    campaignProgress(id: $id) { id status sent }
  }
`;
