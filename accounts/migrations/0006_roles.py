from django.db import migrations

from accounts.role_groups import grant_roles


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_access_key_limits"),
        ("quota", "0005_moves_and_agents"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="claudeaccount",
            options={
                "ordering": ("pool__name", "priority", "name"),
                "permissions": (("operate_claudeaccount", "Can operate Claude accounts (enable, disable, reset, test)"),),
                "verbose_name": "Claude account",
            },
        ),
        migrations.RunPython(grant_roles, migrations.RunPython.noop),
    ]
