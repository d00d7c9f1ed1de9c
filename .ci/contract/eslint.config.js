// Holds the schema to the recommended and the Relay rules of graphql-eslint.
import graphql from '@graphql-eslint/eslint-plugin';

export default [
  {
    files: ['**/*.graphqls'],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: 'schema.graphqls' } } },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...graphql.configs['flat/schema-recommended'].rules,
      ...graphql.configs['flat/schema-relay'].rules,
      // Descriptions stand in quotes, or in block quotes where they take several lines.
      '@graphql-eslint/description-style': 'off',
      // What is part of another record has no id of its own.
      '@graphql-eslint/strict-id-in-types': [
        'error',
        {
          acceptedIdNames: ['id'],
          acceptedIdTypes: ['ID'],
          exceptions: {
            suffixes: ['Payload', 'Connection', 'Edge'],
            types: [
              'Agreement', 'Attendance', 'Attendee', 'AudienceRow', 'AuditEntry', 'CarriedOver', 'Contribution', 'Day',
              'Feedback', 'IntakeAnswer', 'Invoice', 'MailPreview', 'Money', 'OrganisationAttendance', 'OrganisationPresence',
              'PageInfo', 'Participant', 'PartnershipMember', 'PracticeRating', 'ProgrammeChange', 'ProgrammeItem',
              'ProgrammeVersion', 'Rating', 'ReportItem', 'ReportText', 'Role', 'SeatsAttendance', 'SessionClash',
              'SessionFeedback', 'Suppression', 'UserError', 'Venue', 'Viewer',
            ],
          },
        },
      ],
      // The rows of a preview are read forwards alone, which Relay allows.
      '@graphql-eslint/relay-arguments': ['error', { includeBoth: false }],
      // Lists with a small bound (the days of an edition, the themes of a session) are plain lists, and connections have nodes
      // beside edges, as GitHub's have.
      '@graphql-eslint/relay-edge-types': [
        'error', { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
      ],
    },
  },
];
