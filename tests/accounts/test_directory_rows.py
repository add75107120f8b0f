import pytest

from accounts.database import in_database
from accounts.directory import get_directory
from accounts.directory_rows import credential_of, read_changes
from accounts.errors import BaseUrlRefused, UndecryptableKey
from accounts.models import ClaudeAccount, Pool
from tests.accounts.cast import ALPHA_KEY, BETA_KEY, OLD

pytestmark = pytest.mark.django_db


def test_an_account_becomes_a_credential(alpha, pool):
    ClaudeAccount.objects.update(workspace_id="wrkspc_1")
    credential = read_changes({}).entries[str(alpha.pk)].revealed()
    assert (credential.id, credential.pool_id, credential.name) == (str(alpha.pk), str(pool.pk), "alpha")
    assert credential.api_key.reveal() == ALPHA_KEY
    assert (credential.base_url, credential.workspace_id) == ("https://api.anthropic.com", "wrkspc_1")
    assert credential.simulated is False


def test_without_edits_one_query_answers(alpha, django_assert_num_queries):
    known = read_changes({}).versions
    with django_assert_num_queries(1):
        assert read_changes(known).entries == {}


def test_with_edits_two_queries_answer_whatever_the_number_of_accounts(alpha, beta, django_assert_num_queries):
    with django_assert_num_queries(2):
        changes = read_changes({})
        assert [entry.revealed().simulated for entry in changes.entries.values()] == [False, False]


def test_only_the_pool_that_was_edited_is_loaded(alpha, make_account):
    other = Pool.objects.create(name="other")
    beta = make_account("beta", BETA_KEY, pool=other)
    known = read_changes({}).versions
    other.save()
    assert set(read_changes(known).entries) == {str(beta.pk)}


def test_an_upstream_that_left_the_allow_list_gets_no_key(alpha):
    ClaudeAccount.objects.update(base_url="https://evil.example")
    with pytest.raises(BaseUrlRefused, match="alpha"):
        credential_of(ClaudeAccount.objects.get())


def test_a_simulated_account_with_a_real_address_gets_no_requests(alpha):
    Pool.objects.update(simulated=True)
    with pytest.raises(BaseUrlRefused, match=r"'alpha' gets no requests: .* is not the simulator"):
        credential_of(ClaudeAccount.objects.get())


def test_a_real_key_is_not_sent_to_the_simulator(alpha):
    ClaudeAccount.objects.update(base_url="http://127.0.0.1:9100")
    with pytest.raises(BaseUrlRefused, match="must be https"):
        credential_of(ClaudeAccount.objects.get())


def test_a_wrong_encryption_key_says_which_account(alpha, use_keys):
    use_keys(OLD)
    with pytest.raises(UndecryptableKey, match="alpha"):
        credential_of(ClaudeAccount.objects.get())


@pytest.mark.django_db(transaction=True)
async def test_a_loop_has_one_directory_and_it_reads_the_database():
    pool = await in_database(lambda: Pool.objects.create(name="main"))
    account = await in_database(lambda: ClaudeAccount.objects.create(pool=pool, name="alpha", api_key=ALPHA_KEY))
    assert get_directory() is get_directory()
    assert (await get_directory().get(str(account.pk))).api_key.reveal() == ALPHA_KEY
