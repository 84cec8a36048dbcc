#include "messages/codec/wire.hpp"
