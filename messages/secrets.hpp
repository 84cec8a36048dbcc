// The owner of secrets: the only writer of their records. It has the key that seals them.
#pragma once

#include "messages/carried.hpp"
#include "messages/store.hpp"

CAF_BEGIN_TYPE_ID_BLOCK(cloudless_secrets, caf::first_custom_type_id + 180)
CAF_ADD_TYPE_ID(cloudless_secrets, (cloudless::Carried<cloudless::SecretCommand>))
CAF_ADD_TYPE_ID(cloudless_secrets, (cloudless::Carried<cloudless::SecretReply>))
CAF_END_TYPE_ID_BLOCK(cloudless_secrets)

namespace cloudless {

using secrets_actor = ActorOf<
    // From a gateway. INVALID_ARGUMENT, NOT_FOUND, ABORTED, UNAVAILABLE.
    caf::result<Carried<SecretReply>>(Carried<SecretCommand>)>;

}  // namespace cloudless

CAF_BEGIN_TYPE_ID_BLOCK(cloudless_secrets_handle, caf::first_custom_type_id + 190)
CAF_ADD_TYPE_ID(cloudless_secrets_handle, (cloudless::secrets_actor))
CAF_END_TYPE_ID_BLOCK(cloudless_secrets_handle)
