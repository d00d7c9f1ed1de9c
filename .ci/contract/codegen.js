// Makes TypeScript of the schema and of every operation that clients send, for tsc --strict to judge.
const text = { input: 'string', output: 'string' };

const config = {
  strictScalars: true, // a new scalar has to be named here
  scalars: {
    Date: text, DateTime: text, EmailAddress: text, Locale: text, LocalDateTime: text, TimeZone: text, URL: text,
  },
};

export default {
  schema: '../../schema.graphqls',
  documents: '../../graph/operations/*.graphql',
  config,
  generates: {
    'made/schema.ts': { plugins: ['typescript'] },
    'made/operations.ts': { plugins: ['typescript-operations'] },
  },
};
