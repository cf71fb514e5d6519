//! Verdicts in two steps: all but the scope by the head of a request, the scope by its body
//! (RFC 6750 §3.1).

use bailiwick_guard::{Offer, Presented, Rule, ScopeRule};

use crate::{Asked, Refused, ResourceServer, VerifiedToken};

impl ResourceServer {
    /// Decides about everything but the rule's scope, for servers that learn only from the body which
    /// scope a request needs: read it then, for whoever holds a token, and ask
    /// [`VerifiedToken::also`] for the whole rule.
    ///
    /// The answer of a refusal names the scope of the rule. As with [`admit`](Self::admit), a DPoP
    /// proof is used up.
    ///
    /// # Errors
    /// The answer for whoever sent the request.
    pub async fn admit_but_scope(
        &self,
        asked: &Asked<'_>,
        rule: &Rule,
    ) -> Result<VerifiedToken, Refused> {
        let any_scope = Rule { scope: ScopeRule::NONE, ..rule.clone() };
        let admitted = self.admit(asked, &any_scope).await;
        let permit = admitted.map_err(|refused| self.naming(&rule.scope, asked, refused))?;
        Ok(VerifiedToken::new(permit, self.clone(), asked))
    }

    /// A refusal whose challenges name a scope.
    fn naming(&self, scope: &ScopeRule, asked: &Asked<'_>, refused: Refused) -> Refused {
        let presented = Presented::from_request(asked.headers, asked.uri.query());
        refused.offering(&Offer {
            resource: self.resource(),
            needed: &scope.enough(),
            binding: self.0.binding,
            offers_dpop: self.0.dpop.is_offered,
            sent: presented.ok().map(|presented| presented.scheme()),
        })
    }
}
