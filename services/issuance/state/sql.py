"""The hot statements of the state, each over rows of arguments; see kompetenspass.web.statements.Shared."""

ADD_OFFER = """
insert into offers (offer_id, credential_id, learner_ref, issuer_org, slug, configuration_id, reference_hash, code_hash,
  tx_hash, expires_at, lapses_at)
select asked.*, asked.expires_at
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::bytea[],
  $9::bytea[], $10::timestamptz[])
  as asked(offer_id, credential_id, learner_ref, issuer_org, slug, configuration_id, reference_hash, code_hash, tx_hash,
  expires_at)
on conflict (offer_id) do nothing
"""
"""Takes the fields of an OfferRow, in order."""

REDEEM = """
with tried as (
  update offers set
    attempts = case when asked.tx_hash is null or asked.tx_hash = offers.tx_hash then attempts else attempts + 1 end,
    state = case
      when asked.tx_hash is null or asked.tx_hash = offers.tx_hash then 'used'
      when attempts + 1 >= asked.most_attempts then 'over'
      else 'open' end,
    cause = case
      when asked.tx_hash is null or asked.tx_hash = offers.tx_hash then null
      when attempts + 1 >= asked.most_attempts then 'tx_code_attempts' end,
    lapses_at = case
      when asked.tx_hash is null or asked.tx_hash = offers.tx_hash then greatest(lapses_at, asked.token_ends)
      else lapses_at end
  from unnest($1::bytea[], $2::text[], $3::bytea[], $4::text[], $5::timestamptz[], $6::bytea[], $7::timestamptz[],
    $8::int[]) with ordinality
    as asked(code_hash, slug, tx_hash, configurations, now, token_hash, token_ends, most_attempts, number)
  where offers.code_hash = asked.code_hash and offers.slug = asked.slug
    and offers.state = 'open' and offers.expires_at > asked.now
    and (offers.tx_hash is null) = (asked.tx_hash is null)
    and (asked.configurations is null or asked.configurations::jsonb ? offers.configuration_id)
  returning asked.number, offers.offer_id, offers.credential_id, offers.configuration_id, offers.state,
    asked.token_hash, asked.token_ends, asked.configurations is not null as identifiers
), token as (
  insert into tokens (token_hash, offer_id, identifiers, expires_at)
  select token_hash, offer_id, identifiers, token_ends from tried where state = 'used'
)
select number, offer_id, credential_id, configuration_id, state from tried
"""
"""Compares, counts, uses up and keeps the token: of rivals the row's lock lets one win.

Of two that send the same code at the same moment one is tried, and the other finds nothing of its own.
"""

ACCESS = """
select asked.number, offers.offer_id, offers.credential_id, offers.learner_ref, offers.issuer_org, offers.slug,
  offers.configuration_id, tokens.identifiers, offers.notified, vault_learners.wrapped_key
from unnest($1::bytea[], $2::timestamptz[]) with ordinality as asked(token_hash, now, number)
join tokens on tokens.token_hash = asked.token_hash and tokens.expires_at > asked.now
join offers on offers.offer_id = tokens.offer_id
left join vault_learners on vault_learners.learner_ref = offers.learner_ref
"""
"""Answers with the fields of an Access, in order."""

SPEND = """
with asked as (
  select * from unnest($1::bytea[], $2::timestamptz[], $3::text[], $4::int[], $5::uuid[],
    $6::uuid[], $7::text[], $8::text[], $9::bytea[])
    as asked(nonce_hash, expires_at, status_uri, index, credential_id, entry_id, learner_ref, kind, sealed)
), spent as (
  insert into spent_nonces (nonce_hash, expires_at)
  select nonce_hash, expires_at from asked where nonce_hash is not null
), kept as (
  insert into vault_entries (entry_id, learner_ref, kind, sealed)
  select entry_id, learner_ref, kind, sealed from asked where entry_id is not null
)
insert into used_indices (status_uri, index, credential_id) select status_uri, index, credential_id from asked
"""
"""One row for each copy; the first of several with one nonce has it, and the first of all has the vault's entry."""

OPEN_ACHIEVEMENT = """
insert into openings (learner_ref, definition_id, route, achievement_id, looked_at) values ($1, $2, $3, $4, $5)
on conflict (learner_ref, definition_id, route) do update set looked_at = openings.looked_at
returning achievement_id
"""

CLOSE_ACHIEVEMENT = "delete from openings where achievement_id = any ($1::uuid[])"
