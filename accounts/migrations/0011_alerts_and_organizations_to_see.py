from django.db import migrations

from accounts.role_groups import grant_roles


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_pool_budget_action"),
        ("quota", "0008_sessions_and_failures"),
        ("notifications", "0001_outbox"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(grant_roles, migrations.RunPython.noop)]
